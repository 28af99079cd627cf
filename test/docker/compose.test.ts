import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { CLI_VERSION } from '../../scripts/temporal-servers.js';
import { readStarterConfig, readWorkerConfig } from '../../src/config.js';
import { main as gateway } from '../../src/gateway/cli.js';
import {
  buildComposeLoader,
  type ComposeLoader,
  type ComposeProject,
  type ComposeService,
  needsGo,
  serviceOf,
} from './load-compose.js';
import { commandOf, dockerfile, environmentOf, OWN_IMAGE, REPOSITORY } from './own-image.js';

const run = promisify(execFile);
const read = (path: string) => readFile(join(REPOSITORY, path), 'utf8');

const stacks = {
  'the dev server': ['docker-compose.yml'],
  PostgreSQL: ['docker-compose.yml', 'docker/compose.postgres.yml'],
};

let loader: ComposeLoader;
before(async () => {
  if (!needsGo.skip) loader = await buildComposeLoader();
});
after(() => loader?.remove());

for (const [name, files] of Object.entries(stacks)) {
  describe(`with ${name}, Docker Compose`, needsGo, () => {
    let project: ComposeProject;
    let services: [string, ComposeService][];
    let own: [string, ComposeService][];
    before(async () => {
      project = await loader.load(...files.map((file) => join(REPOSITORY, file)));
      services = Object.entries(project.services);
      own = services.filter(([, { image }]) => image === OWN_IMAGE);
    });

    test('has the services, and runs without a profile all but the starter and observability', () => {
      const profiles = services.flatMap(([service, { profiles }]) =>
        profiles ? [[service, ...profiles]] : [],
      );
      assert.deepEqual(own.map(([service]) => service).sort(), ['gateway', 'setup', 'starter', 'worker']);
      assert.deepEqual(Object.fromEntries(profiles), {
        starter: 'starter',
        prometheus: 'observability',
        grafana: 'observability',
      });
    });

    test('builds one image, and pins those of others to a version', () => {
      for (const [service, { image, build }] of services) {
        if (image !== OWN_IMAGE) assert.match(image, /^[a-z/-]+:v?\d+(\.\d+\.\d+)?(-bookworm)?$/, service);
        else assert.equal(relative(build?.context ?? '', REPOSITORY), '', service);
        if (build) assert.equal(build.dockerfile, 'docker/Dockerfile');
      }
    });

    test('sets only variables that are read', async () => {
      const known = new Set([...(await read('src/config.ts')).matchAll(/\bBCTRL_[A-Z_]+\b/g)].flat());
      for (const [service, definition] of own) {
        for (const variable of Object.keys(environmentOf(definition))) {
          // What is read of the last three is tested below.
          const others = ['NODE_ENV', 'TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE'];
          assert.ok(known.has(variable) || others.includes(variable), `${service}: ${variable}`);
        }
      }
    });

    test('leads worker and starter to the other containers, and a browser to the UI', () => {
      for (const service of ['worker', 'setup', 'starter']) {
        const { temporal, uiUrl } = readStarterConfig(environmentOf(serviceOf(project, service)));
        assert.equal(temporal.connectionOptions.address, 'temporal:7233');
        assert.equal(uiUrl, `http://localhost:${publishedPort(temporalUi(), 8233)}`);
      }
      const { bctrl } = readWorkerConfig(environmentOf(serviceOf(project, 'worker')));
      assert.equal(bctrl.baseUrl, `http://gateway:${publishedPort('gateway', 8787)}`);
      assert.equal(publishedPort('temporal', 7233), '7233');
    });

    test('names only services where it names host and port, and publishes to this machine only', () => {
      for (const [service, definition] of services) {
        for (const [variable, value] of Object.entries(environmentOf(definition))) {
          const [, host] = /^(?:https?:\/\/)?([a-z][\w-]*):\d+/.exec(value) ?? [];
          const isKnown = host === undefined || host === 'localhost' || host in project.services;
          assert.ok(isKnown, `${service}: ${variable}=${value}`);
        }
        for (const { host_ip } of definition.ports ?? []) assert.equal(host_ip, '127.0.0.1', service);
      }
    });

    test('runs executables and commands that exist, with options that exist', async () => {
      for (const [service, definition] of own) {
        const [node, script = '', ...args] = commandOf(definition);
        assert.equal(node, 'node', service);
        await access(join(REPOSITORY, script.replace('dist/', 'src/').replace('.js', '.ts')));
        if (args.length === 0) continue;
        const { stdout: help } = await run('node', [join(REPOSITORY, script), '--help']);
        if (service === 'setup') {
          const [command = ''] = args;
          assert.match(help, new RegExp(`^ +${command}\\b`, 'm'));
        }
        for (const option of args.filter((arg) => arg.startsWith('--'))) {
          assert.ok(help.includes(` ${option}`), `${service}: ${option}`);
        }
      }
    });

    test('mounts what exists, where the commands look for it', async () => {
      for (const [service, { volumes = [] }] of services) {
        for (const { type, source } of volumes) if (type === 'bind') await access(source);
        assert.ok(
          volumes.every(({ type, read_only }) => type === 'volume' || read_only),
          service,
        );
      }
      const targets = (service: string) => project.services[service]?.volumes?.map(({ target }) => target);
      const args = commandOf(serviceOf(project, 'gateway'));
      const argumentOf = (option: string) => args[args.indexOf(option) + 1];
      assert.deepEqual(targets('gateway'), [argumentOf('--workspace'), argumentOf('--storage')]);
      const copied = dockerfile.filter(({ name }) => name === 'COPY').map(({ args }) => args.at(-1));
      assert.ok(copied.includes(argumentOf('--storage')));
    });

    test('waits for what can come true', () => {
      for (const [service, { depends_on = {} }] of services) {
        for (const [other, { condition }] of Object.entries(depends_on)) {
          const { healthcheck, restart, image } = serviceOf(project, other);
          const where = `${service} waits for ${other}`;
          if (condition === 'service_completed_successfully') assert.equal(restart, undefined, where);
          else if (condition === 'service_healthy')
            assert.ok(healthcheck ? healthcheck.test : image === OWN_IMAGE, where);
        }
      }
    });

    test('checks the health of what stays, except of the pages that nobody waits for', () => {
      for (const [service, { restart, healthcheck, image }] of services) {
        const isChecked = healthcheck ? !healthcheck.disable : image === OWN_IMAGE;
        const stays = restart !== undefined && !['temporal-ui', 'grafana'].includes(service);
        assert.equal(isChecked, stays, service);
      }
    });

    test('passes signals on, and gives the worker time', () => {
      for (const [service, { init }] of own) assert.equal(init, true, service);
      assert.equal(project.services['worker']?.stop_grace_period, '30s');
    });

    function temporalUi(): string {
      return 'temporal-ui' in project.services ? 'temporal-ui' : 'temporal';
    }

    function publishedPort(service: string, port: number): string | undefined {
      return project.services[service]?.ports?.find(({ target }) => target === port)?.published;
    }
  });
}

describe('docker-compose.yml', needsGo, () => {
  let project: ComposeProject;
  before(async () => {
    project = await loader.load(join(REPOSITORY, 'docker-compose.yml'));
  });

  test('the dev server is the version of the tests, and keeps its database in a volume', () => {
    const temporal = serviceOf(project, 'temporal');
    assert.equal(temporal.image, `temporalio/temporal:${CLI_VERSION}`);
    assert.ok(commandOf(temporal).at(-1)?.startsWith(`${temporal.volumes?.[0]?.target}/`));
  });

  test('the gateway’s health check asks the port on which it listens by default', async () => {
    let help = '';
    const out = { write: (text: string) => (help += text) };
    await gateway(['--help'], { stdout: out, stderr: out, stop: AbortSignal.abort() });
    const [, port] = /--port.*?default: (\d+)/s.exec(help) ?? [];
    const check = serviceOf(project, 'gateway').healthcheck?.test?.join(' ') ?? '';
    assert.ok(check.includes(`http://127.0.0.1:${port}/_gateway/health`), check);
  });

  test('the commands of docs/docker.md name files, profiles and services that exist', async () => {
    const lines = (await read('docs/docker.md')).match(/docker compose [^`\n#]*/g) ?? [];
    const words = lines.map((line) => line.trim().split(/ +/));
    const after = (option: string) => words.flatMap((w) => w.filter((_, i) => w[i - 1] === option));
    for (const file of after('-f')) await access(join(REPOSITORY, file));
    const profiles = Object.values(project.services).flatMap(({ profiles }) => profiles ?? []);
    for (const profile of after('--profile')) assert.ok(profiles.includes(profile), profile);
    for (const service of after('--rm')) serviceOf(project, service);
    for (const scale of after('--scale')) serviceOf(project, scale.split('=')[0] ?? '');
    const used = ['-f', '--profile', '--rm', '--scale'].map((option) => after(option).length > 0);
    assert.deepEqual(used, [true, true, true, true]);
  });

  test('a key that is not Docker Compose’s, and a wait for nobody, are refused', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'compose-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'compose.yml');
    await writeFile(file, 'services: { a: { imge: a } }\n');
    await assert.rejects(loader.load(file), /imge/);
    await writeFile(file, 'services: { a: { image: a, depends_on: [b] } }\n');
    await assert.rejects(loader.load(file), /"a" depends on undefined service "b"/);
  });
});
