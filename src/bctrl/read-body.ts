import { promisify } from 'node:util';
import { brotliDecompress, constants, inflateRaw, unzip } from 'node:zlib';
import type { Dispatcher } from 'undici';

/** Fits a page of 100 files with generous metadata, or a job's output, and bounds the memory that a broken server can take. */
export const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;

/** More than an error message needs. Redacting megabytes would block the process for seconds. */
const MAX_ERROR_BYTES = 64 * 1024;

/** Decodes a body; rejects if it has more than `maxOutputLength` bytes then. */
type Decode = (bytes: Buffer, maxOutputLength: number) => Promise<Buffer>;

/** Z_SYNC_FLUSH: the beginning of an error ends in the middle of the stream. */
const toZlibOptions = (maxOutputLength: number) => ({ finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength });

const decodeZlib: Decode = (bytes, maxOutputLength) =>
  promisify(unzip)(bytes, toZlibOptions(maxOutputLength));

const decoders: Readonly<Record<string, Decode>> = {
  gzip: decodeZlib,
  'x-gzip': decodeZlib,
  // Some servers send it without the zlib header.
  deflate: (bytes, maxOutputLength) =>
    decodeZlib(bytes, maxOutputLength).catch(() =>
      promisify(inflateRaw)(bytes, toZlibOptions(maxOutputLength)),
    ),
  br: (bytes, maxOutputLength) =>
    promisify(brotliDecompress)(bytes, { finishFlush: constants.BROTLI_OPERATION_FLUSH, maxOutputLength }),
};

/** Reads the body of a response as text, decoded. Of an error response it reads only the beginning, and decodes no large one. */
export async function readBody({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<string> {
  const encoding = headers['content-encoding'];
  const decode = encoding === undefined ? undefined : decoders[String(encoding).toLowerCase()];
  const isError = statusCode < 200 || statusCode > 299;
  if (decode === undefined && !isError) return await body.text();
  const bytes = isError ? await readBeginning(body) : Buffer.from(await body.arrayBuffer());
  if (decode === undefined || bytes.length === 0) return bytes.toString();
  try {
    return (await decode(bytes, isError ? MAX_ERROR_BYTES : MAX_RESPONSE_BYTES)).toString();
  } catch {
    // A proxy may have decoded the body and kept the header.
    return bytes.toString();
  }
}

async function readBeginning(body: Dispatcher.ResponseData['body']): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_ERROR_BYTES);
}
