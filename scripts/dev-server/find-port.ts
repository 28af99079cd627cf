import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** Returns a free port; `wanted` unless it is 0. Throws if `wanted` is in use. */
export async function findPort(host: string, wanted = 0): Promise<number> {
  const server = createServer().listen(wanted, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new Error(`Port ${wanted} on ${host} cannot be used`, { cause });
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
