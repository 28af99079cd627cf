import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface HttpProxy {
  /** `host:port`. */
  readonly address: string;
  /** The requests, such as `GET http://api.example/v1` or `CONNECT api.example:443`. */
  readonly requests: readonly string[];
  /** The `Proxy-Authorization` of each request. */
  readonly authorizations: readonly (string | undefined)[];
}

/** Starts a forward proxy that sends every request to a port of this machine, whatever host it names. */
export async function startHttpProxy(t: TestContext, targetPort: number): Promise<HttpProxy> {
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((incoming, response) => {
    const { method, url = '', headers } = incoming;
    requests.push(`${method} ${url}`);
    authorizations.push(headers['proxy-authorization']);
    const { pathname, search } = new URL(url);
    const options = { port: targetPort, path: pathname + search, method, headers };
    const outgoing = request(options, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  server.on('connect', ({ url, headers }, incoming: Socket) => {
    requests.push(`CONNECT ${url}`);
    authorizations.push(headers['proxy-authorization']);
    const outgoing = connect(targetPort, '127.0.0.1', () => {
      incoming.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      incoming.pipe(outgoing).pipe(incoming);
    });
    for (const socket of [incoming, outgoing]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests, authorizations };
}
