import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findPort } from '../../scripts/dev-server/find-port.js';
import { main } from '../../src/gateway/cli.js';
import { callApi, createTestFolder } from '../support/gateway.js';
import { spawnGateway, startGatewayProcess } from '../support/gateway-process.js';
import { waitFor } from '../support/wait-for.js';

/** Runs the command and gathers what a user would see. */
function run(args: readonly string[]) {
  const stop = new AbortController();
  const seen = { out: '', err: '' };
  const code = main(args, {
    stdout: { write: (text) => (seen.out += text) },
    stderr: { write: (text) => (seen.err += text) },
    stop: stop.signal,
  });
  return { seen, code, stop: () => stop.abort() };
}

async function folderPair(t: TestContext): Promise<[workspace: string, storage: string]> {
  const folder = await createTestFolder(t);
  return [join(folder, 'workspace'), join(folder, 'storage')];
}

async function folderArgs(t: TestContext): Promise<string[]> {
  const [workspace, storage] = await folderPair(t);
  return ['--workspace', workspace, '--storage', storage];
}

test('it prints one line with the URL, serves, and ends with 0 when told to stop', async (t) => {
  const { seen, code, stop } = run([
    ...(await folderArgs(t)),
    '--port',
    '0',
    '--api-key',
    'k1',
    '--api-key',
    'k2',
  ]);
  await waitFor('the line that the gateway prints', () => seen.out !== '');
  const [, url = ''] = /^bctrl gateway listening on (http:\/\/127\.0\.0\.1:\d+)\n$/.exec(seen.out) ?? [];
  for (const [key, status] of [['k1', 200] as const, ['k2', 200] as const, ['k3', 401] as const]) {
    const headers = { authorization: `Bearer ${key}` };
    assert.equal((await callApi(url, 'GET', '/v1/auth/whoami', { headers })).status, status);
  }
  stop();
  assert.deepEqual([await code, seen.err], [0, '']);
});

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

for (const [host, url] of [
  ['0.0.0.0', /^http:\/\/127\.0\.0\.1:\d+$/],
  ['::1', /^http:\/\/\[::1\]:\d+$/],
  ['::', /^http:\/\/\[::1\]:\d+$/],
  ['localhost', /^http:\/\/localhost:\d+$/],
] as const) {
  test(`--host ${host} prints a URL that works from here`, {
    skip: host.includes(':') && !hasIpv6,
  }, async (t) => {
    const { seen, code, stop } = run([...(await folderArgs(t)), '--host', host, '--port', '0']);
    await waitFor('the line that the gateway prints', () => seen.out !== '');
    const printed = seen.out.trim().split(' ').at(-1) ?? '';
    assert.match(printed, url);
    assert.equal((await callApi(printed, 'GET', '/v1/auth/whoami')).status, 200);
    stop();
    assert.equal(await code, 0);
  });
}

test('--host 0.0.0.0 is reached at other addresses too; without it 127.0.0.1 alone is', {
  // Elsewhere a second loopback address has to be set up first.
  skip: process.platform !== 'linux',
}, async (t) => {
  for (const [args, status] of [[['--host', '0.0.0.0'], 204] as const, [[], undefined] as const]) {
    const { seen, code, stop } = run([...(await folderArgs(t)), ...args, '--port', '0']);
    await waitFor('the line that the gateway prints', () => seen.out !== '');
    const elsewhere = seen.out.trim().split(' ').at(-1)?.replace('127.0.0.1', '127.0.0.2');
    const answer = await fetch(`${elsewhere}/_gateway/health`).catch(() => undefined);
    assert.equal(answer?.status, status);
    stop();
    assert.equal(await code, 0);
  }
});

test('--faults takes a file of rules', async (t) => {
  const args = await folderArgs(t);
  const file = join(await createTestFolder(t), 'faults.json');
  await writeFile(file, '[{"operation":"whoami","fault":{"kind":"answer","status":503}}]');
  const { seen, code, stop } = run([...args, '--port', '0', '--faults', file, '--seed', '7']);
  await waitFor('the line that the gateway prints', () => seen.out !== '');
  const url = seen.out.trim().split(' ').at(-1) ?? '';
  assert.equal((await callApi(url, 'GET', '/v1/auth/whoami')).status, 503);
  stop();
  assert.equal(await code, 0);
});

test('--id-style and --list-lag reach the gateway', async (t) => {
  const [workspace, storage] = await folderPair(t);
  const runtimeId = `rt_${'0'.repeat(22)}`;
  await mkdir(join(workspace, runtimeId), { recursive: true });
  await writeFile(join(workspace, runtimeId, 'a'), '');
  const modes = ['--id-style', 'prefixed', '--list-lag', '3600000'];
  const { seen, code, stop } = run(['--workspace', workspace, '--storage', storage, ...modes, '--port', '0']);
  await waitFor('the line that the gateway prints', () => seen.out !== '');
  const url = seen.out.trim().split(' ').at(-1) ?? '';
  const body = { runtimePath: 'a' };
  const collected = await callApi(url, 'POST', `/v1/runtimes/${runtimeId}/files/collect`, { body });
  assert.match(collected.body.id, /^file_/);
  assert.deepEqual((await callApi(url, 'GET', '/v1/files')).body.data, []);
  stop();
  assert.equal(await code, 0);
});

test('--help prints the options and ends with 0', async () => {
  const { seen, code } = run(['--help']);
  assert.deepEqual([await code, seen.err], [0, '']);
  for (const option of [
    '--workspace',
    '--storage',
    '--host',
    '--port',
    '--api-key',
    '--faults',
    '--seed',
    '--on-path-exists',
    '--id-style',
    '--list-lag',
  ]) {
    assert.ok(seen.out.includes(option), option);
  }
  assert.match(seen.out, /8787/);
});

const wrongArguments: [args: string[], message: RegExp][] = [
  [['--prot', '1'], /unknown option '--prot'/],
  [['extra'], /too many arguments/],
  [['--port', 'x'], /--port .*whole number/],
  [['--port', '65536'], /--port .*at most 65535/],
  [['--host', ''], /--host .*It must be an address/],
  [['--host', '192.0.2.1', '--port', '0'], /EADDRNOTAVAIL/],
  [['--seed', '-1'], /--seed/],
  [['--on-path-exists', 'replace'], /Allowed choices are refuse, keep-both/],
  [['--id-style', 'ulid'], /Allowed choices are uuid, prefixed/],
  [['--list-lag', '1s'], /--list-lag .*whole number/],
  [['--faults', '/does/not/exist'], /--faults \/does\/not\/exist: ENOENT/],
];

for (const [args, message] of wrongArguments) {
  test(`${args.join(' ')} → one line and 2`, async (t) => {
    const { seen, code } = run([...(await folderArgs(t)), ...args]);
    assert.deepEqual([await code, seen.out], [2, '']);
    assert.match(seen.err, message);
    assert.match(seen.err, /^error: [^\n]+\n$/);
  });
}

const wrongFiles: [content: string, message: RegExp][] = [
  ['[', /--faults .*faults\.json: .*JSON/],
  ['[{"operation":"x","fault":{"kind":"reset"}}]', /faults\[0\]\.operation: /],
];

for (const [content, message] of wrongFiles) {
  test(`a fault file with ${content} → one line and 2`, async (t) => {
    const file = join(await createTestFolder(t), 'faults.json');
    await writeFile(file, content);
    const { seen, code } = run([...(await folderArgs(t)), '--port', '0', '--faults', file]);
    assert.equal(await code, 2);
    assert.match(seen.err, message);
    assert.match(seen.err, /^error: [^\n]+\n$/);
  });
}

test('a port in use → one line and 2', async (t) => {
  const other = createServer();
  await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const { seen, code } = run([...(await folderArgs(t)), '--port', String(port)]);
  assert.deepEqual([await code, seen.out], [2, '']);
  assert.equal(seen.err, `error: port ${port} is already in use\n`);
});

for (const stdout of ['/dev/full', 'a pipe that nobody reads any more']) {
  test(`with stdout at ${stdout} the executable serves, and ends with 0`, {
    // Elsewhere there is no /dev/full.
    skip: process.platform !== 'linux',
    timeout: 30_000,
  }, async (t) => {
    const file = stdout.startsWith('/') ? await open(stdout, 'w') : undefined;
    t.after(() => file?.close());
    const url = `http://127.0.0.1:${await findPort('127.0.0.1')}`;
    const args = [...(await folderArgs(t)), '--port', new URL(url).port];
    const child = spawnGateway(args, file?.fd);
    child.stdout?.destroy();
    const ended = once(child, 'exit');
    t.after(() => child.kill('SIGKILL'));
    const isUp = () =>
      fetch(`${url}/_gateway/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    await waitFor('the gateway', async () => child.exitCode !== null || (await isUp()));
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends the executable with 0, also in the middle of a request`, {
    timeout: 30_000,
  }, async (t) => {
    const folder = await createTestFolder(t);
    const folders = { workspaceDir: join(folder, 'workspace'), storageDir: join(folder, 'storage') };
    const { url, child, ended } = await startGatewayProcess(t, folders);
    const body = [{ operation: '*', fault: { kind: 'delay', delayMs: 3_600_000 } }];
    await callApi(url, 'PUT', '/_gateway/faults', { body });
    const lost = assert.rejects(callApi(url, 'GET', '/v1/auth/whoami'));
    child.kill(signal);
    assert.deepEqual(await ended, [0, null]);
    await lost;
  });
}
