import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findPort } from '../../scripts/dev-server/find-port.js';
import { resolveDevServer } from '../../scripts/temporal-servers.js';
import { type ExecutableName, runExecutable, startExecutable } from '../support/executable.js';
import { createTestFolder } from '../support/gateway.js';
import { buildComposeLoader, type ComposeService, needsGo, serviceOf } from './load-compose.js';
import { commandOf, environmentOf, REPOSITORY } from './own-image.js';

const HOST = '127.0.0.1';
const RUNTIME_ID = '3f2b8c1e-5a4d-4e6f-9b70-1c2d3e4f5a6b';

/** The ports of the containers; as processes of one machine they have to be free ones. */
const PORTS = [7233, 8233, 8787, 8080, 9464];

/** A machine busy with other tests may take long to start a process. */
const HEALTHY_WITHIN_MS = 60_000;

type Translate = (text: string, service: ComposeService) => string;

test(
  'what the services run, as processes with their commands, variables and checks, collects files',
  needsGo,
  async (t) => {
    const loader = await buildComposeLoader();
    t.after(() => loader.remove());
    const project = await loader.load(join(REPOSITORY, 'docker-compose.yml'));
    const translate = await createTranslation(t, Object.keys(project.services));
    const start = (name: string, executable: ExecutableName, more: string[] = []) => {
      const service = serviceOf(project, name);
      const [, , ...args] = commandOf(service).map((arg) => translate(arg, service));
      return [executable, [...args, ...more], environmentIn(service, translate)] as const;
    };

    const temporal = serviceOf(project, 'temporal');
    await startDevServer(t, temporal, translate);
    startExecutable(t, ...start('gateway', 'gateway', ['--port', translate('8787', temporal)]));
    await untilHealthy(serviceOf(project, 'gateway'), translate);
    assert.equal((await runExecutable(t, ...start('setup', 'starter'))).code, 0);
    startExecutable(t, ...start('worker', 'worker'));

    const starter = environmentIn(serviceOf(project, 'starter'), translate);
    const args = ['start', RUNTIME_ID, 'results.csv', 'logs/agent.log', '--wait'];
    const { code, stdout, stderr } = await runExecutable(t, 'starter', args, starter);
    assert.deepEqual(
      [code, stdout.trim().split('\n').at(-1)],
      [0, '2 of 2 files collected (1.0 kB)'],
      stderr,
    );
    assert.match(stderr, /^http:\/\/localhost:8233\//m);
  },
);

/** From the world of the containers to this machine: hosts, ports and the folders that are mounted. */
async function createTranslation(t: TestContext, hosts: string[]): Promise<Translate> {
  const ports = new Map<string, string>();
  for (const port of PORTS) ports.set(String(port), String(await findPort(HOST)));
  const volumes = await createTestFolder(t);
  const authority = new RegExp(`(${[...hosts, '0\\.0\\.0\\.0', HOST].join('|')}):(\\d+)`);
  return (text, { volumes: mounts = [] }) => {
    for (const { type, source, target } of mounts) {
      const from = type === 'bind' ? source : volumes;
      if (text === target || text.startsWith(`${target}/`)) return from + text.slice(target.length);
    }
    if (text === '0.0.0.0') return HOST;
    return (
      ports.get(text) ?? text.replace(authority, (_, _host, port) => `${HOST}:${ports.get(port) ?? port}`)
    );
  };
}

function environmentIn(service: ComposeService, translate: Translate): Record<string, string> {
  const variables = Object.entries(environmentOf(service));
  return Object.fromEntries(variables.map(([name, value]) => [name, translate(value, service)]));
}

async function startDevServer(t: TestContext, service: ComposeService, translate: Translate): Promise<void> {
  const [port, uiPort] = [translate('7233', service), translate('8233', service)];
  const executable = await resolveDevServer();
  const args = commandOf(service).map((arg) => translate(arg, service));
  const server = spawn(executable, [...args, '--port', port, '--ui-port', uiPort], { stdio: 'ignore' });
  const ended = once(server, 'exit');
  t.after(async () => {
    server.kill('SIGKILL');
    await ended;
  });
  await untilHealthy(service, (text) => (text === 'temporal' ? executable : translate(text, service)), {
    TEMPORAL_ADDRESS: `${HOST}:${port}`,
  });
}

/** As Docker does: runs the check until it succeeds. */
async function untilHealthy(
  service: ComposeService,
  translate: Translate,
  env: Record<string, string> = {},
): Promise<void> {
  const [kind, ...check] = service.healthcheck?.test ?? [];
  assert.equal(kind, 'CMD');
  const [file = '', ...args] = check.map((arg) => translate(arg, service));
  const deadline = performance.now() + HEALTHY_WITHIN_MS;
  for (;;) {
    try {
      await promisify(execFile)(file, args, {
        env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
      });
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(200);
    }
  }
}
