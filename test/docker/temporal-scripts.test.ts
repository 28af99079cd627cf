import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { createTestFolder } from '../support/gateway.js';
import { REPOSITORY } from './dockerfile.js';

/** Appends its arguments to $CALLS. Every command but `create` fails once. */
const FAILS_ONCE = `#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in *create*) exit 0 ;; esac
if grep -qFxs -- "$*" "$SEEN"; then exit 0; fi
echo "$*" >> "$SEEN"
exit 1
`;

/** Returns a function that runs a script of docker/temporal with a stub of its tool, and returns the tool's calls. */
async function setUp(t: TestContext, script: string, tool: string) {
  const folder = await createTestFolder(t);
  const calls = join(folder, 'calls');
  await writeFile(join(folder, tool), FAILS_ONCE, { mode: 0o755 });
  await writeFile(join(folder, 'sleep'), '#!/bin/sh\n', { mode: 0o755 });
  const env = {
    PATH: `${folder}:${process.env['PATH']}`,
    CALLS: calls,
    SEEN: join(folder, 'seen'),
    TEMPORAL_NAMESPACE: 'jobs',
    RETENTION: '72h',
  };
  return async () => {
    await rm(calls, { force: true });
    const running = promisify(execFile)('sh', [join(REPOSITORY, 'docker/temporal', script)], { env });
    const stdout = await running.then(
      (ended) => ended.stdout,
      () => undefined,
    );
    return { stdout, calls: (await readFile(calls, 'utf8')).trim().split('\n') };
  };
}

test('create-namespace.sh retries until the server responds and knows the namespace, which it creates once', async (t) => {
  const run = await setUp(t, 'create-namespace.sh', 'temporal');
  assert.deepEqual(await run(), {
    stdout: 'namespace jobs is ready\n',
    calls: [
      ...Array(2).fill('operator cluster health'),
      'operator namespace describe',
      'operator namespace create --retention 72h',
      ...Array(2).fill('workflow count'),
    ],
  });
  assert.deepEqual((await run()).calls, [
    'operator cluster health',
    'operator namespace describe',
    'workflow count',
  ]);
});

test('create-schema.sh ends at the first failure, and prepares both databases when it runs again', async (t) => {
  const run = await setUp(t, 'create-schema.sh', 'temporal-sql-tool');
  const prepare = (database: string, folder: string) => [
    `--database ${database} create-database`,
    `--database ${database} setup-schema --version 0.0`,
    `--database ${database} update-schema --schema-dir /etc/temporal/schema/postgresql/v12/${folder}/versioned`,
  ];
  const all = [...prepare('temporal', 'temporal'), ...prepare('temporal_visibility', 'visibility')];
  const steps = all.filter((call) => !call.includes('create-database'));
  for (const failing of steps) {
    const { stdout, calls } = await run();
    assert.deepEqual([stdout, calls], [undefined, all.slice(0, all.indexOf(failing) + 1)]);
  }
  const { stdout, calls } = await run();
  assert.deepEqual([stdout, calls], ['database temporal\ndatabase temporal_visibility\n', all]);
});
