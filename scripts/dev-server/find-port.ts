import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A port that can be listened on now; `wanted` if it is given (and not 0) and free, else an error. */
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
