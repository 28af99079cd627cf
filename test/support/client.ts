import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { BctrlClient } from '../../src/bctrl/bctrl-client.js';
import type { BctrlClientOptions } from '../../src/bctrl/client-options.js';
import { API_KEY } from './gateway.js';

/** A client that ends with the test. Rate limits hold nothing back, as they would in real time, whatever the test's time is. */
export function createTestClient(
  t: TestContext,
  baseUrl: string,
  options: Partial<BctrlClientOptions> = {},
): BctrlClient {
  const client = new BctrlClient({ apiKey: API_KEY, baseUrl, maxRateLimitPauseMs: 0, ...options });
  t.after(() => client.close());
  return client;
}

/** A server that answers as `listener` says, for what no gateway would do; its base URL. */
export async function startServer(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
