import type { Context, MiddlewareHandler } from 'hono';

/** Refuses a body that is too large before it is read, or, if it does not say its length, while it is read. */
export function limitBody(maxBytes: number, onTooLarge: (c: Context) => Response): MiddlewareHandler {
  return async (c, next) => {
    if (Number(c.req.header('content-length') ?? 0) > maxBytes) return onTooLarge(c);
    if (c.req.header('transfer-encoding') !== undefined && c.req.raw.body) {
      // Hono's own limit makes a new Request of the body, which the Node adapter's requests do not allow.
      const text = await readText(c.req.raw.body, maxBytes);
      if (text === undefined) return onTooLarge(c);
      Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
    }
    return await next();
  };
}

async function readText(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
