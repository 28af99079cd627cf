import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { BctrlClient } from '../../src/bctrl/bctrl-client.js';
import type { BctrlClientOptions } from '../../src/bctrl/client-options.js';
import { API_KEY } from './gateway.js';

/** A client that is closed after the test. Rate limits cause no pause, which would be in real time even where a test's time is virtual. */
export function createTestClient(
  t: TestContext,
  baseUrl: string,
  options: Partial<BctrlClientOptions> = {},
): BctrlClient {
  const client = new BctrlClient({ apiKey: API_KEY, baseUrl, maxRateLimitPauseMs: 0, ...options });
  t.after(() => client.close());
  return client;
}

/** Starts an HTTP server for behaviour that the gateway does not have. Returns its base URL. */
export async function startServer(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
