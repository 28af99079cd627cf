import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access, readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { buildComposeLoader, type ComposeProject, needsGo, serviceOf } from './load-compose.js';
import { commandOf, environmentOf, localEnv, REPOSITORY } from './own-image.js';

describe('docker/compose.postgres.yml', needsGo, () => {
  let project: ComposeProject;
  before(async () => {
    const loader = await buildComposeLoader();
    const files = ['docker-compose.yml', 'docker/compose.postgres.yml'];
    project = await loader.load(...files.map((file) => join(REPOSITORY, file)));
    await loader.remove();
  });

  test('has server and tools of one version', () => {
    const version = (service: string) => serviceOf(project, service).image.split(':')[1];
    assert.equal(version('temporal-schema'), version('temporal'));
    assert.equal(version('temporal-namespace'), version('temporal'));
  });

  test('has one database, that its server and its tools reach alike', () => {
    const server = environmentOf(serviceOf(project, 'temporal'));
    const tool = environmentOf(serviceOf(project, 'temporal-schema'));
    const database = environmentOf(serviceOf(project, 'postgresql'));
    const pairs: [server: string, tool: string][] = [
      ['DB', 'SQL_PLUGIN'],
      ['POSTGRES_SEEDS', 'SQL_HOST'],
      ['DB_PORT', 'SQL_PORT'],
      ['POSTGRES_USER', 'SQL_USER'],
      ['POSTGRES_PWD', 'SQL_PASSWORD'],
    ];
    for (const [ofServer, ofTool] of pairs) assert.equal(server[ofServer], tool[ofTool], ofServer);
    serviceOf(project, server['POSTGRES_SEEDS'] ?? '');
    assert.equal(server['POSTGRES_USER'], database['POSTGRES_USER']);
    assert.equal(server['POSTGRES_PWD'], database['POSTGRES_PASSWORD']);
  });

  test('makes the databases that the server uses', async () => {
    const { DBNAME, VISIBILITY_DBNAME } = environmentOf(serviceOf(project, 'temporal'));
    const script = await readFile(join(REPOSITORY, 'docker/temporal/create-schema.sh'), 'utf8');
    assert.deepEqual(script.match(/^prepare .*$/gm), [
      `prepare ${DBNAME} temporal`,
      `prepare ${VISIBILITY_DBNAME} visibility`,
    ]);
  });

  test('makes the namespace of the worker', () => {
    const { TEMPORAL_NAMESPACE } = environmentOf(serviceOf(project, 'temporal-namespace'));
    assert.equal(TEMPORAL_NAMESPACE, localEnv['TEMPORAL_NAMESPACE']);
  });

  test('has its UI where the starter links to', () => {
    const { environment = {}, ports } = serviceOf(project, 'temporal-ui');
    assert.equal(environment['TEMPORAL_CORS_ORIGINS'], localEnv['BCTRL_TEMPORAL_UI_URL']);
    assert.equal(ports?.[0]?.target, Number(environment['TEMPORAL_UI_PORT']));
  });

  test('has the scripts and settings that it names, where it mounts them', async () => {
    const folder = join(REPOSITORY, 'docker/temporal');
    const named: string[] = [];
    for (const service of Object.values(project.services)) {
      const words = [...commandOf(service), ...Object.values(environmentOf(service))];
      for (const { source, target } of service.volumes?.filter(({ source }) => source === folder) ?? []) {
        const inside = words.filter((word) => word.startsWith(`${target}/`));
        named.push(...inside.map((word) => join(source, relative(target, word))));
      }
    }
    for (const path of named) await access(path);
    const files = (await readdir(folder)).map((file) => join(folder, file));
    assert.deepEqual(named.toSorted(), files.toSorted());
  });

  test('has scripts that a POSIX shell understands', async () => {
    for (const name of ['create-schema.sh', 'create-namespace.sh']) {
      await promisify(execFile)('sh', ['-n', join(REPOSITORY, 'docker/temporal', name)]);
    }
  });
});
