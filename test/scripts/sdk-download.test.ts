import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { assertReachable } from '../../scripts/temporal-servers/sdk-download.js';

async function listen(t: TestContext, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('assertReachable', () => {
  it('takes any answer', async (t) => {
    const server = createHttpServer((_request, response) => response.writeHead(404).end());
    await assertReachable(await listen(t, server), 5_000);
  });

  it('fails at once when the connection is refused', async (t) => {
    const server = createServer();
    const origin = await listen(t, server);
    server.close();
    await assert.rejects(assertReachable(origin, 60_000), {
      message: `${origin.slice(7)} cannot be reached`,
    });
  });

  it('fails after its timeout when the host accepts and stays silent', { timeout: 10_000 }, async (t) => {
    const origin = await listen(
      t,
      createServer((socket) => t.after(() => socket.destroy())),
    );
    await assert.rejects(assertReachable(origin, 50), /cannot be reached/);
  });
});
