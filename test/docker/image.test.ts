import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { findPort } from '../../scripts/dev-server/find-port.js';
import { createTestFolder } from '../support/gateway.js';
import { devServerExecutable } from '../support/temporal.js';
import { waitFor } from '../support/wait-for.js';
import {
  type ComposeService,
  getCommand,
  getEnvironment,
  getService,
  loadCompose,
  needsGo,
} from './compose.js';
import { buildImage, type Image, REPOSITORY } from './dockerfile.js';

const HOST = '127.0.0.1';
const RUNTIME_ID = '3f2b8c1e-5a4d-4e6f-9b70-1c2d3e4f5a6b';

/** The ports of the containers. Processes of one machine need free ones. */
const PORTS = ['7233', '8233', '8787', '8080', '9464'];

describe('the image of docker/Dockerfile', () => {
  let folder: string;
  let image: Image;
  let app: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'image-'));
    image = await buildImage(folder);
    app = join(image.root, image.workdir);
  });
  after(() => rm(folder, { recursive: true }));

  /** Starts a command in the image, with no other environment than its own; it ends with the test. */
  function start(t: TestContext, [file = '', ...args]: readonly string[], env: Record<string, string> = {}) {
    const child = spawn(file, args, {
      cwd: app,
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...image.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => end(child));
    const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
    return once(child, 'close').then(async ([code]) => ({
      code,
      stdout: await stdout,
      stderr: await stderr,
    }));
  }

  test('has the executables, the workflow bundles and the packages, and nothing else', async () => {
    assert.deepEqual((await readdir(image.root)).sort(), ['app', 'storage']);
    assert.deepEqual((await readdir(app)).sort(), ['dist', 'node_modules', 'package.json']);
    const dist = await readdir(join(app, 'dist'));
    for (const name of ['worker.js', 'starter.js', 'gateway.js', 'workflow-bundle.js']) {
      assert.ok(dist.includes(name), name);
    }
  });

  test('has no development dependency, and the core of the SDK for one platform only', async () => {
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

  test('runs the worker, on Debian, as a user without rights', async (t) => {
    assert.match(image.base, /^node:\d+-bookworm-slim@/);
    assert.equal(image.user, 'node');
    const { code, stderr } = await start(t, image.cmd);
    assert.equal(code, 2);
    assert.match(stderr, /^bctrl-temporal-worker: BCTRL_API_KEY: [^\n]+\n$/);
  });

  test('has a health check that fails when /livez responds 503', async (t) => {
    let status = 200;
    const server = createServer(({ url }, response) =>
      response.writeHead(url === '/livez' ? status : 404).end(),
    );
    t.after(() => server.close());
    await once(server.listen(0, HOST), 'listening');
    const { port } = server.address() as AddressInfo;
    const [, healthPort] = image.env['BCTRL_HEALTH_ADDRESS']?.split(':') ?? [];
    const command = image.healthcheck.map((word) => word.replace(`${HOST}:${healthPort}`, `${HOST}:${port}`));
    assert.equal((await start(t, command)).code, 0);
    status = 503;
    assert.equal((await start(t, command)).code, 1);
  });

  test('exposes the ports of its variables', () => {
    const addresses = Object.entries(image.env).filter(([name]) => name.endsWith('_ADDRESS'));
    assert.deepEqual(
      image.exposed,
      addresses.map(([, address]) => address.split(':')[1]),
    );
  });

  test(
    'collects files with the commands, variables and health checks of docker-compose.yml',
    needsGo,
    async (t) => {
      const project = await loadCompose('docker-compose.yml');
      const translate = await createTranslation(t, Object.keys(project.services));
      const startService = (service: ComposeService, ...args: string[]) => {
        const command = [...getCommand(service), ...args].map((word) => translate(word, service));
        const env = Object.entries(getEnvironment(service)).map(([key, value]) => [
          key,
          translate(value, service),
        ]);
        return start(t, command, Object.fromEntries(env));
      };
      const isHealthy = (service: ComposeService, check: readonly string[] = [], env = {}) => {
        const [file = '', ...args] = check.map((word) => translate(word, service));
        const options = { env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env } };
        return promisify(execFile)(file, args, options).then(
          () => true,
          () => false,
        );
      };
      const temporal = getService(project, 'temporal');
      const gateway = getService(project, 'gateway');
      const worker = getService(project, 'worker');

      const executable = devServerExecutable();
      const [port, uiPort] = [translate('7233', temporal), translate('8233', temporal)];
      const args = getCommand(temporal).map((word) => translate(word, temporal));
      const server = spawn(executable, [...args, '--port', port, '--ui-port', uiPort], { stdio: 'ignore' });
      t.after(() => end(server));
      const [, , ...check] = temporal.healthcheck?.test ?? [];
      const env = { TEMPORAL_ADDRESS: `${HOST}:${port}` };
      await waitFor('a healthy server', () => isHealthy(temporal, [executable, ...check], env));

      startService(gateway, '--port', translate('8787', gateway));
      await waitFor('a healthy gateway', () => isHealthy(gateway, gateway.healthcheck?.test?.slice(1)));
      assert.equal((await startService(getService(project, 'setup'))).code, 0);
      assert.equal(await isHealthy(worker, image.healthcheck), false);
      startService(worker);
      await waitFor('a healthy worker', () => isHealthy(worker, image.healthcheck));

      const command = ['start', RUNTIME_ID, 'results.csv', 'logs/agent.log', '--wait'];
      const { code, stdout, stderr } = await startService({ ...getService(project, 'starter'), command });
      assert.deepEqual(
        [code, stdout.trim().split('\n').at(-1)],
        [0, '2 of 2 files collected (1.0 kB)'],
        stderr,
      );
      assert.match(stderr, /^http:\/\/localhost:8233\//m);
    },
  );
});

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

type Translate = (word: string, service: ComposeService) => string;

/** Translates hosts, ports and mounted folders of the containers to those of this machine. */
async function createTranslation(t: TestContext, hosts: string[]): Promise<Translate> {
  const ports = new Map<string, string>();
  for (const port of PORTS) ports.set(port, String(await findPort(HOST)));
  const storage = await createTestFolder(t);
  const address = new RegExp(`(${[...hosts, '0\\.0\\.0\\.0', HOST].join('|')}):(\\d+)`);
  return (word, { volumes = [] }) => {
    const volume = volumes.find(({ target }) => word === target || word.startsWith(`${target}/`));
    if (volume) return (volume.type === 'bind' ? volume.source : storage) + word.slice(volume.target.length);
    if (word === '0.0.0.0') return HOST;
    return ports.get(word) ?? word.replace(address, (_, _host, port) => `${HOST}:${ports.get(port) ?? port}`);
  };
}
