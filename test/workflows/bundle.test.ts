import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { workflowBundle } from '../support/temporal.js';

/** Modules that do I/O or only load in Node, and so must not be in a workflow bundle. */
const forbiddenPackages = [
  'undici',
  'p-queue',
  'hono',
  'commander',
  '@temporalio/client',
  '@temporalio/worker',
];
const forbiddenFolders = [
  'bctrl/',
  'activities/',
  'cli/',
  'gateway/',
  'worker/',
  'config',
  'plugin',
  'version',
];

/** Paths of the modules in a bundle, as the bundler names them. */
function modulesOf(code: string): string[] {
  return [...code.matchAll(/^\s*!\*\*\* (\S+) \*\*\*!$/gm)].map(([, path = '']) => path);
}

function assertSandboxSafe(code: string): void {
  const modules = modulesOf(code);
  assert.ok(modules.some((path) => path.includes('post-run-pipeline')));
  for (const name of forbiddenPackages) {
    assert.deepEqual(
      modules.filter((path) => path.includes(`/node_modules/${name}/`)),
      [],
    );
  }
  for (const folder of forbiddenFolders) {
    const pattern = new RegExp(`^\\./(dist|src)/${folder}`);
    assert.deepEqual(
      modules.filter((path) => pattern.test(path)),
      [],
    );
  }
}

test('the prebuilt bundle has no code for I/O or tracing', async () => {
  const code = await readFile(workflowBundle().codePath, 'utf8');
  assertSandboxSafe(code);
  assert.doesNotMatch(modulesOf(code).join(), /opentelemetry/);
});

test('the prebuilt bundle for tracing has no code for I/O', async () => {
  const code = await readFile(workflowBundle().codePath.replace(/\.js$/, '.traced.js'), 'utf8');
  assertSandboxSafe(code);
  assert.match(modulesOf(code).join(), /@temporalio\/interceptors-opentelemetry/);
});

test('the public workflow entry can be bundled, and has no code for I/O', async () => {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../dist/workflow.js', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  assertSandboxSafe(code);
});

test('the check of a bundle finds forbidden modules by the names that the bundler gives them', async () => {
  const code = await readFile(workflowBundle().codePath, 'utf8');
  for (const path of ['./node_modules/undici/index.js', './dist/bctrl/bctrl-client.js', './dist/config.js']) {
    assert.throws(() => assertSandboxSafe(`${code}\n  !*** ${path} ***!\n`));
  }
});
