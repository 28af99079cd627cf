import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { type FaultyProxy, startFaultyProxy } from '../../scripts/chaos/faulty-proxy.js';
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

test('silent: requests and responses are lost for good, and the connection stays open', async (t) => {
  const { proxy, arrived, respond } = await start(t);
  const client = await open(t, proxy);
  await exchange(client, COLLECT);

  await proxy.setMode('silent');
  client.socket.write(COLLECT);
  await waitFor('the request that is lost', () => proxy.sent.collects === 2);
  respond('late');
  await proxy.setMode('pass');
  client.socket.write(COLLECT);
  await waitFor('the request after the fault', () => proxy.sent.collects === 3);
  // By then, the bytes of the older connection would have come too.
  await exchange(await open(t, proxy), 'new');
  assert.equal(arrived(), `${COLLECT}new`);
  assert.deepEqual([client.received(), client.socket.closed], [COLLECT, false]);
});

test('stuck: the request arrives, and the response is lost for good', async (t) => {
  const { proxy, arrived } = await start(t);
  const client = await open(t, proxy);
  await exchange(client, 'before');

  await proxy.setMode('stuck');
  client.socket.write('during');
  await waitFor('the request', () => arrived() === 'beforeduring');
  await proxy.setMode('pass');
  await exchange(await open(t, proxy), 'new');
  assert.deepEqual([client.received(), client.socket.closed], ['before', false]);
});

test('refuse: connections end, and there are no new ones until the fault is over', async (t) => {
  const { proxy } = await start(t);
  const client = await open(t, proxy);
  await exchange(client, 'before');

  const closed = once(client.socket, 'close');
  await proxy.setMode('refuse');
  await closed;
  await assert.rejects(open(t, proxy), { code: 'ECONNREFUSED' });
  await proxy.setMode('pass');
  await exchange(await open(t, proxy), 'new');
});

test('reset() resets connections, and new ones work', async (t) => {
  const { proxy } = await start(t);
  const client = await open(t, proxy);
  await exchange(client, 'before');

  const failed = once(client.socket, 'error');
  proxy.reset();
  const [error] = await failed;
  assert.equal(error.code, 'ECONNRESET');
  await exchange(await open(t, proxy), 'new');
});

/** A proxy to a server that sends back what it receives. */
async function start(t: TestContext) {
  const sockets = new Set<Socket>();
  let arrived = '';
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      arrived += chunk;
      socket.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startFaultyProxy((server.address() as AddressInfo).port);
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await proxy.close();
  });
  /** Sends bytes that nobody asked for on every connection. */
  const respond = (bytes: string) => {
    for (const socket of sockets) socket.write(bytes);
  };
  return { proxy, arrived: () => arrived, respond };
}

interface Client {
  readonly socket: Socket;
  received(): string;
}

async function open(t: TestContext, proxy: FaultyProxy): Promise<Client> {
  const socket = connect(proxy.port, '127.0.0.1');
  t.after(() => socket.destroy());
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk;
  });
  await once(socket, 'connect');
  return { socket, received: () => received };
}

async function exchange({ socket, received }: Client, bytes: string): Promise<void> {
  const before = received();
  socket.write(bytes);
  await waitFor('the response', () => received() === before + bytes);
}
