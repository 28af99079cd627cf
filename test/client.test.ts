import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const repository = fileURLToPath(new URL('..', import.meta.url));

/** All packages that a service which starts pipelines has to have. */
const packages = ['@noble/hashes', '@temporalio/client', '@temporalio/common', 'ms', 'zod'];

const probe = `
import { createRequire } from 'node:module';
await import(process.argv[2]);
console.log(Object.keys(createRequire(import.meta.url).cache).join('\\n'));
`;

/** Imports an entry of the built package where nothing but `packages` is installed. Returns the CommonJS modules that it loads. */
async function load(t: TestContext, entry: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'client-'));
  t.after(() => rm(folder, { recursive: true }));
  await cp(join(repository, 'dist'), join(folder, 'dist'), { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  await writeFile(join(folder, 'probe.js'), probe);
  for (const name of packages) {
    const link = join(folder, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(repository, 'node_modules', name), link);
  }
  const { stdout } = await run(process.execPath, [join(folder, 'probe.js'), `./dist/${entry}`]);
  return stdout.trim().split('\n');
}

test('the client loads where no package of a worker is installed, and loads none', async (t) => {
  const modules = await load(t, 'client.js');
  assert.ok(modules.some((path) => path.includes('/@temporalio/client/')));
  const ofWorker =
    /\/node_modules\/(undici|hono|@temporalio\/(worker|workflow|activity|core-bridge|testing))\//;
  assert.deepEqual(
    modules.filter((path) => ofWorker.test(path)),
    [],
  );
});

test('the worker’s entry does not load there', async (t) => {
  await assert.rejects(load(t, 'index.js'), /Cannot find package '@temporalio\/(activity|plugin|worker)'/);
});
