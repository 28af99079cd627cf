import { createHash, timingSafeEqual } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { limitBody } from '../limit-body.js';
import { truncateLine } from '../shared/display-text.js';
import { isObject } from '../shared/external-input.js';
import { DecryptionError } from './encryption-codec.js';

/** As much as one response of Temporal may have, in base64, with room for its metadata. */
const MAX_BODY_BYTES = 16_000_000;

/** How a codec server answers. */
export interface CodecServerOptions {
  readonly codec: PayloadCodec;
  /** The origin of the Temporal UI, the only one whose pages a browser lets read the answers. */
  readonly uiOrigin: string;
  /** What the UI has to send as bearer token. Default: nobody has to. */
  readonly token: string | undefined;
  /** Names under which browsers may reach it, without port. Default: any. */
  readonly hosts: readonly string[] | undefined;
  /** Called with one line for each request that it refuses. */
  readonly onRefused: (problem: string) => void;
}

/** The body of a request is no list of payloads. */
class InvalidBody extends Error {}

/** Decrypts and encrypts payloads for the Temporal UI, by Temporal's protocol for remote codecs. */
export function createCodecApp({ codec, uiOrigin, token, hosts, onRefused }: CodecServerOptions): Hono {
  const app = new Hono();
  const refuse = (c: Context, status: 400 | 401 | 403 | 413, message: string, logged = message) => {
    onRefused(`refused a request: ${truncateLine(logged)}`);
    return c.json({ message }, status);
  };
  const checkOrigin: MiddlewareHandler = async (c, next) => {
    const host = new URL(c.req.url).hostname;
    // A page of another site may have a name that has come to mean this machine.
    if (hosts !== undefined && !hosts.includes(host)) {
      return refuse(c, 403, 'this host is not served', `the host ${host} is not served`);
    }
    const origin = c.req.header('origin');
    if (origin !== undefined && origin !== uiOrigin) {
      const logged = `--ui-origin is ${uiOrigin}, not ${origin}`;
      return refuse(c, 403, 'this origin is not allowed', logged);
    }
    c.header('vary', 'origin');
    if (origin !== undefined) {
      c.header('access-control-allow-origin', origin);
      // The UI can be set to send its cookies.
      c.header('access-control-allow-credentials', 'true');
    }
    if (c.req.method !== 'OPTIONS') return await next();
    c.header('access-control-allow-methods', 'POST, OPTIONS');
    c.header(
      'access-control-allow-headers',
      'authorization, authorization-extras, content-type, x-namespace',
    );
    // Chromium asks before a page of the internet may reach a private address.
    if (c.req.header('access-control-request-private-network')) {
      c.header('access-control-allow-private-network', 'true');
    }
    return c.body(null, 204);
  };
  const checkToken: MiddlewareHandler = async (c, next) => {
    const [, sent = ''] = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
    if (token === undefined || isEqual(sent, token)) return await next();
    c.header('www-authenticate', 'Bearer');
    return refuse(c, 401, 'the access token is missing or wrong');
  };
  const checkSize = limitBody(MAX_BODY_BYTES, (c) => refuse(c, 413, 'the body is too large'));
  app.use(checkOrigin, checkToken, checkSize);
  for (const name of ['encode', 'decode'] as const) {
    app.post(`/${name}`, async (c) => {
      const body: unknown = await c.req.json().catch(() => undefined);
      return c.json(await convert(body, (payloads) => codec[name](payloads)));
    });
  }
  app.notFound((c) => c.json({ message: 'there are only POST /encode and /decode' }, 404));
  app.onError((error, c) => {
    if (error instanceof DecryptionError || error instanceof InvalidBody)
      return refuse(c, 400, error.message);
    onRefused(`a request failed: ${truncateLine(String(error))}`);
    return c.json({ message: 'it failed, see its log' }, 500);
  });
  return app;
}

/** Hashes have the same length, which `timingSafeEqual` needs. */
function isEqual(a: string, b: string): boolean {
  const [first, second] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return first !== undefined && second !== undefined && timingSafeEqual(first, second);
}

/** Converts the payloads. One that the codec leaves as it is keeps all of its fields, known or not. */
async function convert(
  body: unknown,
  run: (payloads: Payload[]) => Promise<Payload[]>,
): Promise<{ payloads: unknown[] }> {
  const payloads = isObject(body) ? body['payloads'] : undefined;
  if (!Array.isArray(payloads)) throw new InvalidBody('the body is not {"payloads": […]}');
  const parsed = payloads.map(parsePayload);
  const converted = await run(parsed);
  return { payloads: converted.map((each, at) => (each === parsed[at] ? payloads[at] : toJson(each))) };
}

function parsePayload(payload: unknown): Payload {
  const { metadata = {}, data = '' } = isObject(payload) ? payload : { metadata: null };
  if (!isObject(metadata) || typeof data !== 'string')
    throw new InvalidBody('there is no payload in "payloads"');
  const fields = Object.entries(metadata).map(([name, value]) => [
    name,
    Buffer.from(String(value), 'base64'),
  ]);
  return { metadata: Object.fromEntries(fields), data: Buffer.from(data, 'base64') };
}

function toJson({ metadata, data }: Payload): object {
  const fields = Object.entries(metadata ?? {}).map(([name, value]) => [name, toBase64(value)]);
  return { metadata: Object.fromEntries(fields), data: toBase64(data) };
}

function toBase64(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString('base64');
}
