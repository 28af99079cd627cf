import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface TcpProxy {
  /** `host:port`, the same after every cut. */
  readonly address: string;
  /** Closes all connections and refuses new ones, as if the server were gone. */
  cut(): Promise<void>;
  restore(): Promise<void>;
}

/** Starts a proxy to `target`, a `host:port`, that a test can cut and restore. */
export async function startTcpProxy(t: TestContext, target: string): Promise<TcpProxy> {
  const [host, targetPort] = target.split(':');
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  };
  const server = createServer((incoming) => {
    const outgoing = connect(Number(targetPort), host);
    for (const socket of [incoming, outgoing]) keep(socket);
    incoming.pipe(outgoing).pipe(incoming);
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const cut = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(0);
  t.after(cut);
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, cut, restore: () => listen(port) };
}
