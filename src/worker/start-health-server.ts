import { createServer, type Server } from 'node:http';
import { ConfigError } from '../config-error.js';
import { formatAddress, type ListenAddress } from './address.js';

/** What is wrong, a sentence each; an empty list when all is well. */
export type HealthChecks = Readonly<Record<`/${string}`, () => Promise<readonly string[]>>>;

/**
 * Serves each check at its path: 200, or 503 with what is wrong, as JSON.
 *
 * @returns ends it, with its connections
 * @throws ConfigError where the address cannot be had
 */
export async function startHealthServer(address: ListenAddress, checks: HealthChecks): Promise<() => void> {
  const byPath = new Map<string, () => Promise<readonly string[]>>(Object.entries(checks));
  const server = createServer(async (request, response) => {
    const check = byPath.get((request.url ?? '').split('?', 1)[0] ?? '');
    const problems = await (check?.() ?? [`there is no such path, but ${[...byPath.keys()].join(', ')}`]);
    const status = check === undefined ? 404 : problems.length === 0 ? 200 : 503;
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify(status === 200 ? { status: 'ok' } : { status: 'unavailable', problems }));
  });
  await listen(server, address);
  return () => {
    server.close();
    server.closeAllConnections();
  };
}

function listen(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('error', ({ message }) => {
      const where = formatAddress(address);
      reject(new ConfigError(`BCTRL_HEALTH_ADDRESS: cannot listen on ${where} (${message})`));
    });
    server.listen(address.port, address.host, resolve);
  });
}
