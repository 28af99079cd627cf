import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildImage, type Image } from './build-image.js';
import { createIgnore } from './parse-dockerignore.js';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

describe('what docker/Dockerfile makes, built here without containers', () => {
  let folder: string;
  let image: Image;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'image-'));
    const dockerfile = join(REPOSITORY, 'docker/Dockerfile');
    image = await buildImage({ dockerfile, contextDir: REPOSITORY, into: folder });
  });
  after(() => rm(folder, { recursive: true }));

  /** Runs a command of the image, with nothing in its environment but what the image sets. */
  async function runIn(command: readonly string[]) {
    const child = execFile(command[0] ?? '', command.slice(1), {
      cwd: join(image.root, image.workdir),
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...image.env },
    });
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (text) => (stdout += text));
    child.stderr?.on('data', (text) => (stderr += text));
    const [code] = await once(child, 'close');
    return { code, stdout, stderr };
  }

  test('sends Docker only what it copies', async () => {
    assert.deepEqual((await readdir(join(folder, 'context'))).sort(), [
      'package-lock.json',
      'package.json',
      'scripts',
      'src',
      'tsconfig.build.json',
      'tsconfig.json',
    ]);
    assert.deepEqual(await readdir(join(folder, 'context/scripts')), ['build-workflow-bundle.ts']);
  });

  test('has the executables, the workflow bundle and the packages, and nothing else', async () => {
    const app = join(image.root, image.workdir);
    assert.deepEqual((await readdir(image.root)).sort(), ['app', 'storage']);
    assert.deepEqual((await readdir(app)).sort(), ['dist', 'node_modules', 'package.json']);
    const dist = await readdir(join(app, 'dist'));
    for (const name of ['worker.js', 'starter.js', 'gateway.js', 'workflow-bundle.js']) {
      assert.ok(dist.includes(name), name);
    }
  });

  test('has no development dependency, and the SDK’s core for this platform only', async () => {
    const app = join(image.root, image.workdir);
    const readPackages = async (file: string) => JSON.parse(await readFile(file, 'utf8')).packages;
    const locked = await readPackages(join(REPOSITORY, 'package-lock.json'));
    const installed = Object.keys(await readPackages(join(app, 'node_modules/.package-lock.json')));
    assert.deepEqual(
      installed.filter((path) => locked[path].dev),
      [],
    );
    for (const name of Object.keys(locked[''].dependencies)) {
      assert.ok(installed.includes(`node_modules/${name}`), name);
    }
    const platforms = await readdir(join(app, 'node_modules/@temporalio/core-bridge/releases'));
    assert.equal(platforms.length, 1);
  });

  for (const name of ['starter', 'gateway']) {
    test(`${name} --help works`, async () => {
      const { code, stdout, stderr } = await runIn(['node', `dist/${name}.js`, '--help']);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^Usage: bctrl-temporal/);
    });
  }

  test('it runs the worker, which without an API key says so and ends with 2', async () => {
    const { code, stderr } = await runIn(image.cmd);
    assert.equal(code, 2);
    assert.match(stderr, /^bctrl-temporal-worker: BCTRL_API_KEY: [^\n]+\n$/);
  });

  test('it runs as a user without rights, on Debian', () => {
    assert.equal(image.user, 'node');
    assert.match(image.baseImage, /^node:\d+-bookworm-slim$/);
  });

  test('its health check asks the worker where it answers, and fails where it does not or says no', async (t) => {
    const [, port] = image.env['BCTRL_HEALTH_ADDRESS']?.split(':') ?? [];
    const url = `http://127.0.0.1:${port}/livez`;
    assert.ok(image.healthcheck.join(' ').includes(url));

    let status = 200;
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/livez' ? status : 404).end();
    }).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const { port: free } = server.address() as AddressInfo;
    const check = () =>
      runIn(image.healthcheck.map((arg) => arg.replace(url, `http://127.0.0.1:${free}/livez`)));
    assert.equal((await check()).code, 0);
    status = 503;
    assert.equal((await check()).code, 1);
    server.close();
    assert.equal((await check()).code, 1);
  });

  test('it exposes the ports that its variables name', () => {
    const ports = Object.entries(image.env).flatMap(([name, value]) =>
      name.endsWith('_ADDRESS') ? [value.split(':')[1]] : [],
    );
    assert.deepEqual(image.exposed, ports);
  });
});

test('.dockerignore: the last rule that matches decides, also for what is in a folder', () => {
  const { ignores, wholly } = createIgnore('# a\n*\n!src\nsrc/*.md\n!scripts/a.ts\n**/x\n');
  const expected = {
    '.env': true,
    'src/a.ts': false,
    'src/b.md': true,
    'src/d/b.md': false,
    'scripts/a.ts': false,
  };
  for (const [path, ignored] of Object.entries({ ...expected, 'scripts/b.ts': true, 'src/d/x/y': true })) {
    assert.equal(ignores(path), ignored, path);
  }
  assert.deepEqual([wholly('scripts'), wholly('test'), wholly('src')], [false, true, false]);
});
