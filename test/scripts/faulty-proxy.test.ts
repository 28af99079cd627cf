import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { startFaultyProxy } from '../../scripts/chaos/faulty-proxy.js';
import { waitFor } from '../support/wait-for.js';

const COLLECT = 'POST /v1/runtimes/1/files/collect HTTP/1.1\r\n';

test('bytes and the end of a connection do not overtake late bytes', async (t) => {
  const server = createServer();
  const received = once(server, 'connection').then(([socket]) => text(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const proxy = await startFaultyProxy((server.address() as AddressInfo).port);
  t.after(() => proxy.close());

  await proxy.setMode('slow');
  const client = connect(proxy.port, '127.0.0.1');
  client.write(COLLECT);
  await waitFor('the bytes that are late', () => proxy.sent.collects === 1);
  await proxy.setMode('pass');
  client.end('rest');

  assert.equal(await received, `${COLLECT}rest`);
});
