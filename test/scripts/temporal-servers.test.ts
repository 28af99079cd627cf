import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerIo } from '../../scripts/temporal-servers/server-io.js';
import { CLI_VERSION, SDK_VERSION, TEST_SERVER_VERSION } from '../../scripts/temporal-servers/versions.js';
import { resolveDevServer, resolveTestServer } from '../../scripts/temporal-servers.js';

const SERVERS = [
  { resolve: resolveDevServer, variable: 'BCTRL_TEMPORAL_DEV_SERVER' },
  { resolve: resolveTestServer, variable: 'BCTRL_TEMPORAL_TEST_SERVER' },
];

/** Stand-ins for the build tools; each leaves what the real one would. */
const FAKE_GO = 'echo "$@" >> "$CALLS"; echo built > "$GOBIN/temporal"; chmod +x "$GOBIN/temporal"';
const FAKE_MAVEN = 'echo "$@" >> "$CALLS"; mkdir lib';

let dir: string;
let cache: string;
let bin: string;
let calls: string;
let said: string[];
let io: Partial<ServerIo> & { env: NodeJS.ProcessEnv };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'temporal-servers-'));
  cache = join(dir, 'cache');
  bin = join(dir, 'bin');
  calls = join(dir, 'calls');
  said = [];
  io = {
    env: { BCTRL_TEMPORAL_CACHE_DIR: cache, PATH: bin, CALLS: calls },
    log: (line) => said.push(line),
    download: async () => {
      throw new Error('temporal.download cannot be reached');
    },
  };
  await mkdir(bin);
  // The fake tools are shell scripts, and PATH holds nothing but them.
  for (const tool of ['chmod', 'mkdir', 'sleep']) await symlink(join('/bin', tool), join(bin, tool));
});

afterEach(() => rm(dir, { recursive: true, force: true }));

async function writeExecutable(path: string, script = 'exit 0'): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

async function listCalls(): Promise<string[]> {
  return (await readFile(calls, 'utf8')).trim().split('\n');
}

for (const { resolve, variable } of SERVERS) {
  describe(variable, () => {
    it('wins over everything else', async () => {
      const explicit = await writeExecutable(join(dir, 'mine'));
      await writeExecutable(join(bin, 'temporal'));
      io.env[variable] = explicit;
      assert.equal(await resolve(io), explicit);
      assert.deepEqual(said, []);
    });

    it('is named when there is no such file', async () => {
      io.env[variable] = join(dir, 'missing');
      await assert.rejects(resolve(io), { message: `${variable} names no executable file: ${dir}/missing` });
    });

    it('is named when the file cannot be executed', async () => {
      io.env[variable] = join(dir, 'plain');
      await writeFile(join(dir, 'plain'), '');
      await assert.rejects(resolve(io), new RegExp(`^Error: ${variable} names no executable file`));
    });

    it('is named, in one line, when there is no way to get a server', async () => {
      await assert.rejects(
        resolve(io),
        new RegExp(`^Error: There is no Temporal .*set ${variable} to its path.$`),
      );
    });
  });
}

describe('resolveDevServer', () => {
  it('takes `temporal` from PATH', async () => {
    const onPath = await writeExecutable(join(dir, 'other', 'temporal'));
    io.env['PATH'] = ['', bin, dirname(onPath)].join(delimiter);
    assert.equal(await resolveDevServer(io), onPath);
  });

  it('takes what the cache has, without a word', async () => {
    const cached = await writeExecutable(join(cache, `temporal-cli-${CLI_VERSION}`, 'temporal'));
    assert.equal(await resolveDevServer(io), cached);
    assert.deepEqual(said, []);
  });

  it('does not take another version from the cache', async () => {
    await writeExecutable(join(cache, 'temporal-cli-0.0.1', 'temporal'));
    await assert.rejects(resolveDevServer(io));
  });

  it('keeps what the SDK downloads', async () => {
    io.download = async (kind, folder, executable) => {
      await writeExecutable(join(folder, executable), kind);
    };
    const path = await resolveDevServer(io);
    assert.equal(path, join(cache, `temporal-cli-sdk-${SDK_VERSION}`, 'temporal'));
    assert.match(await readFile(path, 'utf8'), /dev-server/);
    delete io.download;
    assert.equal(await resolveDevServer(io), path);
  });

  it('is built with Go when the download fails, and says so', async () => {
    await writeExecutable(join(bin, 'go'), FAKE_GO);
    const path = await resolveDevServer(io);
    assert.equal(path, join(cache, `temporal-cli-${CLI_VERSION}`, 'temporal'));
    assert.deepEqual(await listCalls(), [`install github.com/temporalio/cli/cmd/temporal@v${CLI_VERSION}`]);
    assert.deepEqual(said, [
      'Downloading the Temporal dev server with the Temporal SDK, once …',
      'Downloading the Temporal dev server with the Temporal SDK failed: temporal.download cannot be reached.',
      'Building the Temporal dev server with Go, once, about 5 minutes …',
      `The Temporal dev server is ready after 0 s: ${path}`,
    ]);
  });

  it('names Go when it is missing', async () => {
    await assert.rejects(
      resolveDevServer(io),
      /with Go failed: Go is not installed \(https:\/\/go\.dev\/dl\)\./,
    );
  });

  it('passes on the last line of a build that failed', async () => {
    await writeExecutable(join(bin, 'go'), 'echo downloading >&2; echo no space left >&2; exit 3');
    await assert.rejects(resolveDevServer(io), /go ended with exit code 3: no space left\./);
  });

  it('leaves nothing of a build that failed', async () => {
    await writeExecutable(join(bin, 'go'), `${FAKE_GO}; exit 1`);
    await assert.rejects(resolveDevServer(io));
    assert.deepEqual(await readdir(cache), []);
  });

  it('leaves nothing of a build that was interrupted', async () => {
    await writeExecutable(join(bin, 'go'), `${FAKE_GO}; exec sleep 60`);
    const interrupt = new AbortController();
    const resolving = resolveDevServer({ ...io, signal: interrupt.signal });
    const interrupted = assert.rejects(resolving, { name: 'AbortError' });
    while (!(await readFile(calls).catch(() => undefined))) await sleep(10);
    interrupt.abort();
    await interrupted;
    assert.deepEqual(await readdir(cache), []);
  });

  it('does not use a build that a crash left half done', async () => {
    await writeExecutable(join(cache, `.making-temporal-cli-${CLI_VERSION}-x`, 'temporal'));
    await mkdir(join(cache, `temporal-cli-${CLI_VERSION}`));
    await writeFile(join(cache, `temporal-cli-${CLI_VERSION}`, 'rest'), '');
    await writeExecutable(join(bin, 'go'), FAKE_GO);
    assert.match(await readFile(await resolveDevServer(io), 'utf8'), /^built/);
  });

  it('can be built by several processes at a time', async () => {
    await writeExecutable(join(bin, 'go'), FAKE_GO);
    const paths = await Promise.all([1, 2, 3].map(() => resolveDevServer(io)));
    assert.equal(new Set(paths).size, 1);
    assert.deepEqual(await readdir(cache), [`temporal-cli-${CLI_VERSION}`]);
  });
});

describe('resolveTestServer', () => {
  it('is built with Maven when the download fails', async () => {
    await writeExecutable(join(bin, 'mvn'), FAKE_MAVEN);
    await writeExecutable(join(bin, 'java'));
    const path = await resolveTestServer(io);
    assert.equal(path, join(cache, `temporal-test-server-${TEST_SERVER_VERSION}`, 'temporal-test-server'));
    assert.match((await listCalls()).join(), /:copy-dependencies -DincludeScope=runtime/);
    assert.deepEqual((await readdir(dirname(path))).sort(), ['lib', 'temporal-test-server']);
  });

  it('accepts Java from JAVA_HOME', async () => {
    await writeExecutable(join(bin, 'mvn'), FAKE_MAVEN);
    await writeExecutable(join(dir, 'jdk', 'bin', 'java'));
    io.env['JAVA_HOME'] = join(dir, 'jdk');
    await resolveTestServer(io);
  });

  for (const { tool, there, message } of [
    { tool: 'Maven', there: 'java', message: /with Maven failed: Maven is not installed/ },
    { tool: 'Java', there: 'mvn', message: /with Maven failed: Java 11 or newer is not installed/ },
  ]) {
    it(`names ${tool} when it is missing`, async () => {
      await writeExecutable(join(bin, there));
      await assert.rejects(resolveTestServer(io), message);
    });
  }
});

describe('the cache', () => {
  it('is in XDG_CACHE_HOME by default', async () => {
    delete io.env['BCTRL_TEMPORAL_CACHE_DIR'];
    io.env['XDG_CACHE_HOME'] = join(dir, 'xdg');
    await writeExecutable(join(bin, 'go'), FAKE_GO);
    const path = await resolveDevServer(io);
    assert.equal(path, join(dir, 'xdg', 'bctrl-temporal', `temporal-cli-${CLI_VERSION}`, 'temporal'));
  });
});
