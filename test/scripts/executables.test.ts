import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { resolveBrowser } from '../../scripts/browser.js';
import {
  type ExecutableSpec,
  type ResolveIo,
  resolveExecutable,
} from '../../scripts/executables/resolve-executable.js';
import { assertReachable } from '../../scripts/executables/run-tool.js';
import {
  CLI_VERSION,
  resolveDevServer,
  resolveTestServer,
  TEST_SERVER_VERSION,
} from '../../scripts/temporal-servers.js';
import { waitFor } from '../support/wait-for.js';

const EXECUTABLES = [
  { resolve: resolveDevServer, variable: 'BCTRL_TEMPORAL_DEV_SERVER' },
  { resolve: resolveTestServer, variable: 'BCTRL_TEMPORAL_TEST_SERVER' },
  { resolve: resolveBrowser, variable: 'BCTRL_TEST_BROWSER' },
];

/** Stand-ins for the build tools. Each leaves what the real one would. */
const FAKE_GO =
  'echo "$@" >> "$CALLS"; case $1 in mod) : > go.mod; : > go.sum;; build) echo built > "$3"; chmod +x "$3";; esac';
const FAKE_MAVEN = 'echo "$@" >> "$CALLS"; mkdir lib';

let dir: string;
let cache: string;
let bin: string;
let calls: string;
let logged: string[];
let io: Partial<ResolveIo> & { env: NodeJS.ProcessEnv };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'executables-'));
  cache = join(dir, 'cache');
  bin = join(dir, 'bin');
  calls = join(dir, 'calls');
  logged = [];
  io = {
    // No download comes through this proxy.
    env: { BCTRL_TEMPORAL_CACHE_DIR: cache, PATH: bin, CALLS: calls, HTTPS_PROXY: 'http://127.0.0.1:9' },
    log: (line) => logged.push(line),
  };
  await mkdir(bin);
  // The fake tools are shell scripts, and PATH holds nothing else.
  for (const tool of ['chmod', 'mkdir', 'sleep']) await symlink(join('/bin', tool), join(bin, tool));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function writeExecutable(path: string, script = 'exit 0'): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

for (const { resolve, variable } of EXECUTABLES) {
  describe(variable, () => {
    it('wins over everything else', async () => {
      const explicit = await writeExecutable(join(dir, 'mine'));
      for (const command of ['temporal', 'chromium']) await writeExecutable(join(bin, command));
      io.env[variable] = explicit;
      assert.equal(await resolve(io), explicit);
      assert.deepEqual(logged, []);
    });

    it('is named when there is no such file, or none that can be executed', async () => {
      const message = `${variable} names no executable file: ${dir}/mine`;
      io.env[variable] = join(dir, 'mine');
      await assert.rejects(resolve(io), { message });
      await writeFile(join(dir, 'mine'), '');
      await assert.rejects(resolve(io), { message });
    });

    it('is named, in one line, when no source succeeds', async () => {
      await assert.rejects(resolve(io), new RegExp(`^Error: There is no .*or set ${variable} to its path.$`));
    });
  });
}

describe('resolveExecutable', () => {
  const tool = (make: ExecutableSpec['sources'][number]['make']): ExecutableSpec => ({
    name: 'tool',
    variable: 'TOOL',
    command: 'tool',
    onPath: ['tool', 'other-tool'],
    sources: [{ doing: 'Building', tool: 'make', folder: 'tool-2', make }],
  });
  const build = tool(async (folder) => void (await writeExecutable(join(folder, 'tool'))));
  const fail = tool(async (folder) => {
    await writeExecutable(join(folder, 'part'));
    throw new Error('no space left');
  });

  it('takes the first command on PATH, without a word', async () => {
    const onPath = await writeExecutable(join(dir, 'elsewhere', 'other-tool'));
    io.env['PATH'] = ['', bin, dirname(onPath)].join(delimiter);
    assert.equal(await resolveExecutable(fail, io), onPath);
    assert.deepEqual(logged, []);
  });

  it('builds once, says so, and takes the result from the cache afterwards', async () => {
    const path = await resolveExecutable(build, io);
    assert.equal(path, join(cache, 'tool-2', 'tool'));
    assert.deepEqual(logged, ['Building the tool with make, once …', `The tool is ready after 0 s: ${path}`]);
    assert.equal(await resolveExecutable(fail, io), path);
  });

  it('moves a download with its relative link into the cache, and takes it from there afterwards', async () => {
    const download = tool(async (folder) => {
      await writeExecutable(join(folder, 'tool-linux', 'bin'), 'exit 0');
      await symlink('tool-linux/bin', join(folder, 'tool'));
    });
    const path = await resolveExecutable(download, io);
    assert.equal(await realpath(path), await realpath(join(cache, 'tool-2', 'tool-linux', 'bin')));
    assert.deepEqual(await readdir(cache), ['tool-2']);
    assert.equal(await resolveExecutable(fail, io), path);
  });

  it('takes no other version and no half-made one from the cache', async () => {
    await writeExecutable(join(cache, 'tool-1', 'tool'));
    await writeExecutable(join(cache, '.making-tool-2-x', 'tool'));
    await assert.rejects(resolveExecutable(fail, io), /Building it with make failed: no space left\./);
  });

  it('replaces a damaged installation', async () => {
    await mkdir(join(cache, 'tool-2', 'rest'), { recursive: true });
    assert.equal(await resolveExecutable(build, io), join(cache, 'tool-2', 'tool'));
  });

  it('leaves nothing of a build that fails or is interrupted', async () => {
    await assert.rejects(resolveExecutable(fail, io));
    await writeExecutable(join(bin, 'go'), `${FAKE_GO}; exec sleep 60`);
    const interrupt = new AbortController();
    const resolving = resolveDevServer({ ...io, signal: interrupt.signal });
    const interrupted = assert.rejects(resolving, { name: 'AbortError' });
    await waitFor('the build', () => readFile(calls, 'utf8').catch(() => ''));
    interrupt.abort();
    await interrupted;
    assert.deepEqual(await readdir(cache), []);
  });

  it('makes one installation in two processes at once', async () => {
    const paths = await Promise.all([resolveExecutable(build, io), resolveExecutable(build, io)]);
    assert.equal(paths[0], paths[1]);
    assert.deepEqual(await readdir(cache), ['tool-2']);
  });

  it('has its cache in XDG_CACHE_HOME by default', async () => {
    delete io.env['BCTRL_TEMPORAL_CACHE_DIR'];
    io.env['XDG_CACHE_HOME'] = join(dir, 'xdg');
    assert.equal(await resolveExecutable(build, io), join(dir, 'xdg/bctrl-temporal/tool-2/tool'));
  });
});

describe('without a download', () => {
  it('the dev server is built with Go', async () => {
    await writeExecutable(join(bin, 'go'), FAKE_GO);
    const path = await resolveDevServer(io);
    const sqlite = '1.62.0';
    assert.equal(path, join(cache, `temporal-cli-${CLI_VERSION}-sqlite-${sqlite}`, 'temporal'));
    const cli = 'github.com/temporalio/cli/cmd/temporal';
    assert.deepEqual((await readFile(calls, 'utf8')).trim().split('\n'), [
      'mod init bctrl/temporal-dev-server',
      `get ${cli}@v${CLI_VERSION} modernc.org/sqlite@v${sqlite}`,
      `build -o temporal ${cli}`,
    ]);
    assert.deepEqual(await readdir(dirname(path)), ['temporal']);
    const doing = 'Downloading the Temporal dev server with the Temporal SDK';
    assert.deepEqual(logged.slice(0, 3), [
      `${doing}, once …`,
      `${doing} failed: temporal.download cannot be reached.`,
      'Building the Temporal dev server with Go, once, about 5 minutes …',
    ]);
  });

  it('the last line of a failed build is shown', async () => {
    await writeExecutable(join(bin, 'go'), 'echo downloading >&2; echo no space left >&2; exit 3');
    await assert.rejects(resolveDevServer(io), /go ended with exit code 3: no space left\./);
  });

  for (const java of ['bin/java', 'jdk/bin/java']) {
    it(`the test server is built with Maven and ${java}`, async () => {
      await writeExecutable(join(bin, 'mvn'), FAKE_MAVEN);
      await writeExecutable(join(dir, java));
      if (java !== 'bin/java') io.env['JAVA_HOME'] = join(dir, 'jdk');
      const path = await resolveTestServer(io);
      assert.equal(path, join(cache, `temporal-test-server-${TEST_SERVER_VERSION}`, 'temporal-test-server'));
      assert.match(await readFile(calls, 'utf8'), /:copy-dependencies -DincludeScope=runtime/);
      assert.deepEqual((await readdir(dirname(path))).sort(), ['lib', 'temporal-test-server']);
    });
  }

  for (const [tool, command, resolve] of [
    ['Go', undefined, resolveDevServer],
    ['Maven', 'java', resolveTestServer],
    ['Java 11 or newer', 'mvn', resolveTestServer],
  ] as const) {
    it(`${tool} is named when it is missing`, async () => {
      if (command !== undefined) await writeExecutable(join(bin, command));
      await assert.rejects(resolve(io), new RegExp(`failed: ${tool} is not installed \\(https:`));
    });
  }
});

it('assertReachable fails after its timeout when the host accepts and stays silent', async (t) => {
  const server = createServer((socket) => t.after(() => socket.destroy())).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const message = `127.0.0.1:${port} cannot be reached`;
  await assert.rejects(assertReachable(`http://127.0.0.1:${port}`, 50), { message });
});
