import { once } from 'node:events';
import {
  connect,
  createSecureServer,
  createServer,
  type Http2Server,
  type SecureServerOptions,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface GrpcProxy {
  /** `host:port`. */
  readonly address: string;
  /** The keys that it accepts: calls with another one, or none, are refused. Any, if there are none. */
  apiKeys: ReadonlySet<string>;
  /** The calls that it refuses, such as `DescribeNamespace`, each with the status and message of its response. */
  readonly refused: Map<string, { status: number; message: string }>;
  /** For each call of this name, what it waits for before it is passed on. */
  readonly held: Map<string, () => Promise<unknown> | undefined>;
  /** The API key of each call, in order; empty for a call without one. */
  readonly usedKeys: readonly string[];
}

/** gRPC's status for a wrong API key. */
const UNAUTHENTICATED = 16;

/**
 * Starts a proxy to a Temporal server that checks API keys, as Temporal Cloud does, and may refuse calls or hold them.
 *
 * @param target `host:port`
 * @param tls makes it a server with TLS
 */
export async function startGrpcProxy(
  t: TestContext,
  target: string,
  tls?: SecureServerOptions,
): Promise<GrpcProxy> {
  const usedKeys: string[] = [];
  const proxy = { address: '', apiKeys: new Set<string>(), refused: new Map(), held: new Map(), usedKeys };
  const upstream = connect(`http://${target}`);
  upstream.on('error', () => {});
  const server: Http2Server = tls ? createSecureServer(tls) : createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
  });
  server.on('stream', async (stream, { authorization = '', ...headers }) => {
    const key = String(authorization).replace(/^Bearer /, '');
    usedKeys.push(key);
    stream.on('error', () => {});
    const refuse = (status: number, message: string) => {
      const refusal = { 'grpc-status': String(status), 'grpc-message': message };
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...refusal }, { endStream: true });
    };
    if (proxy.apiKeys.size > 0 && !proxy.apiKeys.has(key)) {
      return refuse(UNAUTHENTICATED, 'the API key is not valid');
    }
    const name = headers[':path']?.split('/').at(-1) ?? '';
    const refusal = proxy.refused.get(name);
    if (refusal) return refuse(refusal.status, refusal.message);
    await proxy.held.get(name)?.();
    const call = upstream.request(headers);
    call.on('error', () => stream.destroy());
    stream.on('close', () => call.close());
    call.on('response', (response, flags) => {
      // The end of a stream that has no body.
      if ((flags & 1) === 1) return stream.respond(response, { endStream: true });
      stream.respond(response, { waitForTrailers: true });
      call.pipe(stream);
    });
    let trailers = {};
    call.on('trailers', (received) => {
      trailers = received;
    });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.pipe(call);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const session of sessions) session.destroy();
    upstream.destroy();
    server.close();
  });
  return Object.assign(proxy, { address: `127.0.0.1:${(server.address() as AddressInfo).port}` });
}
