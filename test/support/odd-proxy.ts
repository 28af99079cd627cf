import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

export interface OddResponse {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
}

export interface Oddity {
  readonly method: 'GET' | 'POST';
  /** The requests to change. */
  readonly path: RegExp;
  /** How many of these requests, from the first. */
  readonly times: number;
  /** The request never reaches the gateway. */
  readonly instead?: boolean;
  /** Changes the response on its way back. */
  readonly change: (response: OddResponse) => void;
}

/** Starts a proxy that changes some responses of a real server, after that has done its work. Returns its base URL. */
export async function startOddProxy(t: TestContext, target: string, oddity: Oddity): Promise<string> {
  let seen = 0;
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '/', headers } = request;
    const body = await buffer(request);
    const isOdd = method === oddity.method && oddity.path.test(url) && seen < oddity.times;
    if (isOdd) seen += 1;
    try {
      const changed: OddResponse =
        isOdd && oddity.instead
          ? { status: 200, headers: {}, body: '{}' }
          : await forward(target + url, method, headers as Record<string, string>, body);
      if (isOdd) oddity.change(changed);
      response.writeHead(changed.status, changed.headers).end(changed.body);
    } catch {
      // The server has closed the connection, so the proxy does too.
      request.socket.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function forward(
  url: string,
  method: string,
  { authorization = '', 'content-type': type = '', 'idempotency-key': key }: Record<string, string>,
  body: Buffer,
): Promise<OddResponse> {
  const headers = { authorization, 'content-type': type, ...(key && { 'idempotency-key': key }) };
  const response = await fetch(url, {
    method,
    headers,
    ...(body.length > 0 && { body: new Uint8Array(body) }),
  });
  const contentType = response.headers.get('content-type') ?? 'application/json';
  return { status: response.status, headers: { 'content-type': contentType }, body: await response.text() };
}

/** Changes fields of a JSON object; `undefined` removes one. */
export function withFields(fields: Readonly<Record<string, unknown>>) {
  return (response: OddResponse) => {
    const object = JSON.parse(String(response.body));
    response.body = JSON.stringify({ ...object, ...fields });
  };
}

export function withBody(body: unknown) {
  return (response: OddResponse) => {
    response.body = typeof body === 'string' ? body : JSON.stringify(body);
  };
}

export function withStatus(status: number, body?: unknown, headers: Readonly<Record<string, string>> = {}) {
  return (response: OddResponse) => {
    response.status = status;
    response.headers = {
      'content-type': typeof body === 'string' ? 'text/html' : 'application/json',
      ...headers,
    };
    response.body = typeof body === 'string' ? body : JSON.stringify(body ?? '');
  };
}

/** Encodes the body, and sets its header. */
export function withEncoding(name: string, encode: (bytes: Uint8Array) => Uint8Array) {
  return (response: OddResponse) => {
    response.headers['content-encoding'] = name;
    response.body = encode(Buffer.from(response.body));
  };
}
