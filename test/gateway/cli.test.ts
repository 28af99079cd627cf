import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { findPort } from '../../scripts/dev-server/find-port.js';
import { main } from '../../src/gateway/cli.js';
import { callApi, createTestFolder } from '../support/gateway.js';
import { spawnGateway, startGatewayProcess } from '../support/gateway-process.js';
import { waitFor } from '../support/wait-for.js';

interface Run {
  code: Promise<number>;
  stdout: string;
  stderr: string;
}

/** Runs the command and captures its output. */
function run(args: readonly string[], stop = AbortSignal.abort()): Run {
  const result = { stdout: '', stderr: '' };
  const code = main(args, {
    stdout: { write: (text) => (result.stdout += text) },
    stderr: { write: (text) => (result.stderr += text) },
    stop,
  });
  return Object.assign(result, { code });
}

/** Runs the gateway on a free port for as long as `use` takes; it must end with 0 and write nothing to stderr. */
async function withGateway(args: readonly string[], use: (url: string) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const result = run([...args, '--port', '0'], stop.signal);
  const ended = result.code.then((code) => assert.deepEqual([code, result.stderr], [0, '']));
  await Promise.race([waitFor('the line that the gateway prints', () => result.stdout !== ''), ended]);
  const [, url = ''] = /^bctrl gateway listening on (http:\/\/\S+:\d+)\n$/.exec(result.stdout) ?? [];
  try {
    await use(url);
  } finally {
    stop.abort();
    await ended;
  }
}

async function createFolders(t: TestContext) {
  const folder = await createTestFolder(t);
  const [workspace, storage] = [join(folder, 'workspace'), join(folder, 'storage')];
  return { workspace, args: ['--workspace', workspace, '--storage', storage] };
}

test('the gateway prints one line with its URL, serves, and ends with 0 when told to stop', async (t) => {
  const { args } = await createFolders(t);
  await withGateway([...args, '--api-key', 'k1', '--api-key', 'k2'], async (url) => {
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    for (const [key, status] of [['k1', 200] as const, ['k2', 200] as const, ['k3', 401] as const]) {
      const headers = { authorization: `Bearer ${key}` };
      assert.equal((await callApi(url, 'GET', '/v1/auth/whoami', { headers })).status, status);
    }
  });
});

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

for (const [host, pattern] of [
  ['0.0.0.0', /^http:\/\/127\.0\.0\.1:\d+$/],
  ['::1', /^http:\/\/\[::1\]:\d+$/],
  ['::', /^http:\/\/\[::1\]:\d+$/],
  ['localhost', /^http:\/\/localhost:\d+$/],
] as const) {
  test(`--host ${host} prints a URL that works on this machine`, {
    skip: host.includes(':') && !hasIpv6,
  }, async (t) => {
    const { args } = await createFolders(t);
    await withGateway([...args, '--host', host], async (url) => {
      assert.match(url, pattern);
      assert.equal((await callApi(url, 'GET', '/v1/auth/whoami')).status, 200);
    });
  });
}

test('the gateway is reached at other addresses with --host 0.0.0.0, and only at 127.0.0.1 without', {
  // Other systems need set-up for a second loopback address.
  skip: process.platform !== 'linux',
}, async (t) => {
  const { args } = await createFolders(t);
  for (const [host, status] of [[['--host', '0.0.0.0'], 204] as const, [[], undefined] as const]) {
    await withGateway([...args, ...host], async (url) => {
      const health = `${url.replace('127.0.0.1', '127.0.0.2')}/_gateway/health`;
      assert.equal((await fetch(health).catch(() => undefined))?.status, status);
    });
  }
});

test('--faults takes a file of rules', async (t) => {
  const { args } = await createFolders(t);
  const file = join(await createTestFolder(t), 'faults.json');
  await writeFile(file, '[{"operation":"whoami","fault":{"kind":"respond","status":503}}]');
  await withGateway([...args, '--faults', file, '--seed', '7'], async (url) => {
    assert.equal((await callApi(url, 'GET', '/v1/auth/whoami')).status, 503);
  });
});

test('--id-style and --list-lag reach the gateway', async (t) => {
  const { workspace, args } = await createFolders(t);
  const runtimeId = `rt_${'0'.repeat(22)}`;
  await mkdir(join(workspace, runtimeId), { recursive: true });
  await writeFile(join(workspace, runtimeId, 'a'), '');
  await withGateway([...args, '--id-style', 'prefixed', '--list-lag', '3600000'], async (url) => {
    const body = { runtimePath: 'a' };
    const collected = await callApi(url, 'POST', `/v1/runtimes/${runtimeId}/files/collect`, { body });
    assert.match(collected.body.id, /^file_/);
    assert.deepEqual((await callApi(url, 'GET', '/v1/files')).body.data, []);
  });
});

test('--help prints the options and ends with 0', async () => {
  const result = run(['--help']);
  assert.deepEqual([await result.code, result.stderr], [0, '']);
  for (const option of [
    '--workspace',
    '--storage',
    '--host',
    '--allow-host',
    '--port',
    '--api-key',
    '--faults',
    '--seed',
    '--on-path-exists',
    '--id-style',
    '--list-lag',
  ]) {
    assert.ok(result.stdout.includes(option), option);
  }
  assert.match(result.stdout, /8787/);
});

const wrongArguments: [args: string[], message: RegExp][] = [
  [['--prot', '1'], /unknown option '--prot'/],
  [['extra'], /too many arguments/],
  [['--port', 'x'], /--port .*whole number/],
  [['--port', '65536'], /--port .*at most 65535/],
  [['--host', ''], /--host .*It must be an address/],
  [['--allow-host', 'gateway:8787'], /--allow-host .*It must be a host name/],
  [['--allow-host', ''], /--allow-host .*It must be a host name/],
  [['--seed', '-1'], /--seed/],
  [['--on-path-exists', 'replace'], /Allowed choices are refuse, keep-both/],
  [['--id-style', 'ulid'], /Allowed choices are uuid, prefixed/],
  [['--list-lag', '1s'], /--list-lag .*whole number/],
];

for (const [wrong, message] of wrongArguments) {
  test(`${wrong.join(' ')} → one line on stderr and exit code 2`, async (t) => {
    const { args } = await createFolders(t);
    await assertRefused([...args, ...wrong], message);
  });
}

const failedStarts: [args: string[], message: RegExp][] = [
  [['--host', '192.0.2.1'], /^error: 192\.0\.2\.1 is no address of this machine\n$/],
  [['--faults', '/does/not/exist'], /--faults \/does\/not\/exist: ENOENT/],
  [['--storage', '/dev/null'], /^error: cannot use \/dev\/null as storage: a file is in the way\n$/],
  [['--storage', '/dev/null/x'], /^error: cannot use \/dev\/null\/x as storage: ENOTDIR/],
  [['--storage', '/proc/x'], /^error: cannot use \/proc\/x as storage: ENOENT/],
  [['--workspace', '/proc/x/y'], /^error: cannot use \/proc\/x\/y as workspace: ENOENT/],
  [['--storage', '/proc/self'], /^error: ENOENT: .*mkdir '\/proc\/self\/tmp'\n$/],
];

for (const [wrong, message] of failedStarts) {
  test(`${wrong.join(' ')} → one line on stderr and exit code 1`, {
    // Other systems have no /proc.
    skip: process.platform !== 'linux',
    timeout: 30_000,
  }, async (t) => {
    const { args } = await createFolders(t);
    await assertRefused([...args, '--port', '0', ...wrong], message, 1);
  });
}

test('a storage that another gateway uses → one line on stderr and exit code 1', async (t) => {
  const { args } = await createFolders(t);
  const message = new RegExp(`^error: another gateway uses the storage ${args[3]}\n$`);
  await withGateway(args, () => assertRefused([...args, '--port', '0'], message, 1));
  await withGateway(args, async (url) => {
    assert.equal((await callApi(url, 'GET', '/v1/auth/whoami')).status, 200);
  });
});

test('a damaged journal → one line on stderr and exit code 1', { timeout: 30_000 }, async (t) => {
  const { args } = await createFolders(t);
  await withGateway(args, async () => {});
  const journal = join(args[3] ?? '', 'journal.jsonl');
  await writeFile(journal, '{"damaged\n');
  const child = spawnGateway([...args, '--port', '0'], 'pipe', 'pipe');
  const ended = once(child, 'exit');
  t.after(() => child.kill('SIGKILL'));
  const [stdout, stderr] = await Promise.all([child.stdout, child.stderr].map((each) => each && text(each)));
  const [code] = await ended;
  const line = `error: ${journal}:1: not a journal entry: it is not JSON; repair or remove the line, or use another storage\n`;
  assert.deepEqual([code, stdout, stderr], [1, '', line]);
});

const wrongFiles: [content: string, message: RegExp][] = [
  ['[', /--faults .*faults\.json: .*JSON/],
  ['[{"operation":"x","fault":{"kind":"reset"}}]', /faults\[0\]\.operation: /],
];

for (const [content, message] of wrongFiles) {
  test(`a fault file with ${content} → one line on stderr and exit code 1`, async (t) => {
    const { args } = await createFolders(t);
    const file = join(await createTestFolder(t), 'faults.json');
    await writeFile(file, content);
    await assertRefused([...args, '--port', '0', '--faults', file], message, 1);
  });
}

test('a port in use → one line on stderr and exit code 1', async (t) => {
  const other = createServer();
  await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening));
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const { args } = await createFolders(t);
  const message = new RegExp(`^error: port ${port} is already in use\n$`);
  await assertRefused([...args, '--port', String(port)], message, 1);
});

async function assertRefused(args: readonly string[], message: RegExp, code = 2): Promise<void> {
  const result = run(args);
  assert.deepEqual([await result.code, result.stdout], [code, '']);
  assert.match(result.stderr, message);
  assert.match(result.stderr, /^error: [^\n]+\n$/);
}

for (const stdout of ['/dev/full', 'a closed pipe']) {
  test(`with ${stdout} as stdout, the executable serves and ends with 0`, {
    // Other systems have no /dev/full.
    skip: process.platform !== 'linux',
    timeout: 30_000,
  }, async (t) => {
    const file = stdout.startsWith('/') ? await open(stdout, 'w') : undefined;
    t.after(() => file?.close());
    const url = `http://127.0.0.1:${await findPort('127.0.0.1')}`;
    const { args } = await createFolders(t);
    const child = spawnGateway([...args, '--port', new URL(url).port], file?.fd);
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
  test(`${signal} ends the executable with 0, even during a request`, {
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
