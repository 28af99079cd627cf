import { promisify } from 'node:util';
import { brotliDecompress, constants, inflateRaw, unzip } from 'node:zlib';
import type { Dispatcher } from 'undici';

/** A page of 100 files with generous metadata, or a job's output, fits well; a server gone mad does not. */
export const MAXIMUM_RESPONSE_BYTES = 16 * 1024 * 1024;

/** Of an error nobody reads more, and to search megabytes for secrets would stop the process for seconds. */
const MAXIMUM_ERROR_BYTES = 64 * 1024;

const decoders: Readonly<Record<string, (bytes: Buffer) => Promise<Buffer>>> = {
  gzip: decodeZlib,
  'x-gzip': decodeZlib,
  deflate: decodeZlib,
  br: (bytes) =>
    promisify(brotliDecompress)(bytes, {
      finishFlush: constants.BROTLI_OPERATION_FLUSH,
      maxOutputLength: MAXIMUM_RESPONSE_BYTES,
    }),
};

/** The body of a response as text; of an error its beginning. */
export async function readBody({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<string> {
  const encoding = headers['content-encoding'];
  const decode = encoding === undefined ? undefined : decoders[String(encoding).toLowerCase()];
  const isError = statusCode < 200 || statusCode > 299;
  if (decode === undefined && !isError) return await body.text();
  const bytes = isError ? await readBeginning(body) : Buffer.from(await body.arrayBuffer());
  if (decode === undefined || bytes.length === 0) return bytes.toString();
  try {
    return (await decode(bytes)).toString();
  } catch {
    // A proxy may have decoded it and left the header.
    return bytes.toString();
  }
}

async function readBeginning(body: Dispatcher.ResponseData['body']): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAXIMUM_ERROR_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAXIMUM_ERROR_BYTES);
}

/** An error's beginning ends in the middle of the stream. Some servers send `deflate` without the header of zlib. */
async function decodeZlib(bytes: Buffer): Promise<Buffer> {
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAXIMUM_RESPONSE_BYTES };
  return await promisify(unzip)(bytes, options).catch(() => promisify(inflateRaw)(bytes, options));
}
