import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { CLI_VERSION } from '../../scripts/temporal-servers.js';
import { readStarterConfig, readWorkerConfig } from '../../src/config.js';
import {
  type ComposeProject,
  type ComposeService,
  getCommand,
  getEnvironment,
  getService,
  loadCompose,
  localEnv,
  needsGo,
  OWN_IMAGE,
} from './compose.js';
import { REPOSITORY } from './dockerfile.js';

const run = promisify(execFile);
const read = (path: string) => readFile(join(REPOSITORY, path), 'utf8');

const DEV_SERVER = ['docker-compose.yml'];
const POSTGRES = ['docker-compose.yml', 'docker/compose.postgres.yml'];

/** Without a digest. It is for development only. */
const BY_VERSION = [`temporalio/temporal:${CLI_VERSION}`];

for (const files of [DEV_SERVER, POSTGRES]) {
  describe(files.join(' with '), needsGo, () => {
    let project: ComposeProject;
    let services: [string, ComposeService][];
    let own: [string, ComposeService][];
    before(async () => {
      project = await loadCompose(...files);
      services = Object.entries(project.services);
      own = services.filter(([, { image }]) => image === OWN_IMAGE);
    });

    test('builds one image, and pins the version and the digest of the others', () => {
      assert.deepEqual(own.map(([service]) => service).sort(), ['gateway', 'setup', 'starter', 'worker']);
      for (const [service, { image, build }] of services) {
        if (image === OWN_IMAGE) assert.equal(relative(build?.context ?? '', REPOSITORY), '', service);
        else if (!BY_VERSION.includes(image))
          assert.match(image, /^[a-z/-]+:v?\d+(\.\d+\.\d+)?(-bookworm)?@sha256:[0-9a-f]{64}$/, service);
        if (build) assert.equal(build.dockerfile, 'docker/Dockerfile');
      }
    });

    test('sets only variables that are read', async () => {
      const known = new Set([...(await read('src/config.ts')).matchAll(/\bBCTRL_[A-Z_]+\b/g)].flat());
      for (const name of ['NODE_ENV', 'TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE']) known.add(name);
      for (const [service, definition] of own) {
        for (const name of Object.keys(getEnvironment(definition))) {
          assert.ok(known.has(name), `${service}: ${name}`);
        }
      }
    });

    test('leads worker and starter to the other containers, and a browser to the UI', () => {
      const ui = 'temporal-ui' in project.services ? 'temporal-ui' : 'temporal';
      for (const service of ['worker', 'setup', 'starter']) {
        const { temporal, uiUrl } = readStarterConfig(getEnvironment(getService(project, service)));
        assert.equal(temporal.connectionOptions.address, 'temporal:7233');
        assert.equal(uiUrl, `http://localhost:${publishedPort(ui, 8233)}`);
      }
      const { bctrl } = readWorkerConfig(getEnvironment(getService(project, 'worker')));
      assert.equal(bctrl.baseUrl, `http://gateway:${publishedPort('gateway', 8787)}`);
      const gateway = getCommand(getService(project, 'gateway'));
      assert.equal(gateway[gateway.indexOf('--allow-host') + 1], new URL(bctrl.baseUrl).hostname);
      assert.equal(publishedPort('temporal', 7233), '7233');
    });

    test('names only services that exist, and publishes ports to this machine only', () => {
      for (const [service, definition] of services) {
        for (const [name, value] of Object.entries(getEnvironment(definition))) {
          const [, host] = /^(?:https?:\/\/)?([a-z][\w-]*):\d+/.exec(value) ?? [];
          const exists = host === undefined || host === 'localhost' || host in project.services;
          assert.ok(exists, `${service}: ${name}=${value}`);
        }
        for (const { host_ip } of definition.ports ?? []) assert.equal(host_ip, '127.0.0.1', service);
      }
    });

    test('runs executables and commands that exist, with options that exist', async () => {
      for (const [service, definition] of own) {
        const [node, script = '', ...args] = getCommand(definition);
        assert.equal(node, 'node', service);
        await access(join(REPOSITORY, script.replace('dist/', 'src/').replace('.js', '.ts')));
        if (args.length === 0) continue;
        const { stdout: help } = await run('node', [join(REPOSITORY, script), '--help']);
        if (service === 'setup') assert.match(help, new RegExp(`^ +${args[0]}\\b`, 'm'));
        for (const option of args.filter((arg) => arg.startsWith('--'))) {
          assert.ok(help.includes(` ${option}`), `${service}: ${option}`);
        }
      }
    });

    test('mounts folders that exist, where the gateway looks for them', async () => {
      for (const [service, { volumes = [] }] of services) {
        for (const { type, source, read_only } of volumes) {
          if (type === 'bind') await access(source);
          assert.ok(type === 'volume' || read_only, service);
        }
      }
      const gateway = getService(project, 'gateway');
      const args = getCommand(gateway);
      const option = (name: string) => args[args.indexOf(name) + 1];
      assert.deepEqual(
        gateway.volumes?.map(({ target }) => target),
        [option('--workspace'), option('--storage')],
      );
    });

    test('waits only for services that can become healthy or complete', () => {
      for (const [service, { depends_on = {} }] of services) {
        for (const [other, { condition }] of Object.entries(depends_on)) {
          const { healthcheck, restart, image } = getService(project, other);
          const isMet =
            condition === 'service_healthy'
              ? (healthcheck?.test ?? image === OWN_IMAGE)
              : condition === 'service_started' || restart === undefined;
          assert.ok(isMet, `${service} waits for ${other}`);
        }
      }
    });

    test('starts everything but the starter and the observability by default', () => {
      const profiles = services.flatMap(([service, { profiles }]) => (profiles ? [[service, profiles]] : []));
      assert.deepEqual(Object.fromEntries(profiles), {
        starter: ['starter'],
        prometheus: ['observability'],
        grafana: ['observability'],
      });
    });

    test('checks the health of every service that keeps running, except of those that only show pages', () => {
      for (const [service, { restart, healthcheck, image }] of services) {
        const isChecked = healthcheck ? !healthcheck.disable : image === OWN_IMAGE;
        const mustBeChecked = restart !== undefined && !['temporal-ui', 'grafana'].includes(service);
        assert.equal(isChecked, mustBeChecked, service);
      }
    });

    test('passes signals on, and gives the worker time to shut down', () => {
      for (const [service, { init }] of own) assert.equal(init, true, service);
      assert.equal(getService(project, 'worker').stop_grace_period, '30s');
    });

    function publishedPort(service: string, port: number): string | undefined {
      return project.services[service]?.ports?.find(({ target }) => target === port)?.published;
    }
  });
}

describe('docker-compose.yml', needsGo, () => {
  let project: ComposeProject;
  before(async () => {
    project = await loadCompose(...DEV_SERVER);
  });

  test('the dev server has the version of the tests, and keeps its database in a volume', () => {
    const temporal = getService(project, 'temporal');
    assert.equal(temporal.image, `temporalio/temporal:${CLI_VERSION}`);
    assert.ok(getCommand(temporal).at(-1)?.startsWith(`${temporal.volumes?.[0]?.target}/`));
  });

  test('the commands in the documentation name files, profiles and services that exist', async () => {
    const docs = (await readdir(join(REPOSITORY, 'docs'))).filter((name) => name.endsWith('.md'));
    const texts = await Promise.all(['README.md', ...docs.map((name) => `docs/${name}`)].map(read));
    const lines = texts.join('\n').match(/docker compose [^`\n#]*/g) ?? [];
    const words = lines.map((line) => line.trim().split(/ +/));
    const after = (option: string) => words.flatMap((w) => w.filter((_, i) => w[i - 1] === option));
    for (const file of after('-f')) await access(join(REPOSITORY, file));
    const profiles = Object.values(project.services).flatMap(({ profiles }) => profiles ?? []);
    for (const profile of after('--profile')) assert.ok(profiles.includes(profile), profile);
    for (const service of after('--rm')) getService(project, service);
    for (const scale of after('--scale')) getService(project, scale.split('=')[0] ?? '');
    const used = ['-f', '--profile', '--rm', '--scale'].filter((option) => after(option).length > 0);
    assert.deepEqual(used, ['-f', '--profile', '--rm', '--scale']);
  });

  test('Docker Compose’s loader refuses unknown keys and dependencies', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'compose-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'compose.yml');
    await writeFile(file, 'services: { a: { imge: a } }\n');
    await assert.rejects(loadCompose(file), /imge/);
    await writeFile(file, 'services: { a: { image: a, depends_on: [b] } }\n');
    await assert.rejects(loadCompose(file), /"a" depends on undefined service "b"/);
  });
});

describe('docker/compose.postgres.yml', needsGo, () => {
  let project: ComposeProject;
  const environment = (service: string) => getEnvironment(getService(project, service));
  before(async () => {
    project = await loadCompose(...POSTGRES);
  });

  test('has server and tools of one version', () => {
    const version = (service: string) => getService(project, service).image.split(':')[1];
    assert.equal(version('temporal-schema'), version('temporal'));
    assert.equal(version('temporal-namespace'), version('temporal'));
  });

  test('leads server and tools to one database', () => {
    const [server, tool, database] = ['temporal', 'temporal-schema', 'postgresql'].map(environment);
    const pairs: [server: string, tool: string][] = [
      ['DB', 'SQL_PLUGIN'],
      ['POSTGRES_SEEDS', 'SQL_HOST'],
      ['DB_PORT', 'SQL_PORT'],
      ['POSTGRES_USER', 'SQL_USER'],
      ['POSTGRES_PWD', 'SQL_PASSWORD'],
    ];
    for (const [ofServer, ofTool] of pairs) assert.equal(server?.[ofServer], tool?.[ofTool], ofServer);
    getService(project, server?.['POSTGRES_SEEDS'] ?? '');
    assert.equal(server?.['POSTGRES_USER'], database?.['POSTGRES_USER']);
    assert.equal(server?.['POSTGRES_PWD'], database?.['POSTGRES_PASSWORD']);
  });

  test('creates the databases and the namespace that are used', async () => {
    const { DBNAME, VISIBILITY_DBNAME } = environment('temporal');
    const script = await read('docker/temporal/create-schema.sh');
    const prepared = [`prepare ${DBNAME} temporal`, `prepare ${VISIBILITY_DBNAME} visibility`];
    assert.deepEqual(script.match(/^prepare .*$/gm), prepared);
    assert.equal(environment('temporal-namespace')['TEMPORAL_NAMESPACE'], localEnv['TEMPORAL_NAMESPACE']);
  });

  test('has its UI where the starter links to', () => {
    const { TEMPORAL_CORS_ORIGINS, TEMPORAL_UI_PORT } = environment('temporal-ui');
    assert.equal(TEMPORAL_CORS_ORIGINS, localEnv['BCTRL_TEMPORAL_UI_URL']);
    assert.equal(getService(project, 'temporal-ui').ports?.[0]?.target, Number(TEMPORAL_UI_PORT));
  });

  test('has the scripts and settings that it names, in a syntax that sh understands', async () => {
    const folder = join(REPOSITORY, 'docker/temporal');
    const named: string[] = [];
    for (const service of Object.values(project.services)) {
      const words = [...getCommand(service), ...Object.values(getEnvironment(service))];
      for (const { source, target } of service.volumes?.filter(({ source }) => source === folder) ?? []) {
        const inside = words.filter((word) => word.startsWith(`${target}/`));
        named.push(...inside.map((word) => join(source, relative(target, word))));
      }
    }
    const files = (await readdir(folder)).map((file) => join(folder, file));
    assert.deepEqual(named.toSorted(), files.toSorted());
    for (const file of files.filter((name) => name.endsWith('.sh'))) await run('sh', ['-n', file]);
  });
});
