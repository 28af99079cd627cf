import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { workflowBundle } from '../support/temporal.js';

/** What has no place in a workflow: code that does I/O, and everything that is made to be loaded by Node. */
const outsiders = ['undici', 'p-queue', 'hono', 'commander', '@temporalio/client', '@temporalio/worker'];
const ownOutsiders = ['bctrl/', 'activities/', 'cli/', 'gateway/', 'worker/', 'config', 'plugin', 'version'];

/** Paths of the modules in a bundle, as its bundler names them. */
function modulesOf(code: string): string[] {
  return [...code.matchAll(/^\s*!\*\*\* (\S+) \*\*\*!$/gm)].map(([, path = '']) => path);
}

function assertSandboxSafe(code: string): void {
  const modules = modulesOf(code);
  assert.ok(modules.some((path) => path.includes('post-run-pipeline')));
  for (const name of outsiders) {
    assert.deepEqual(
      modules.filter((path) => path.includes(`/node_modules/${name}/`)),
      [],
    );
  }
  for (const folder of ownOutsiders) {
    const pattern = new RegExp(`^\\./(dist|src)/${folder}`);
    assert.deepEqual(
      modules.filter((path) => pattern.test(path)),
      [],
    );
  }
}

test('the prebuilt bundle has no code that does I/O, and none for tracing', async () => {
  const code = await readFile(workflowBundle().codePath, 'utf8');
  assertSandboxSafe(code);
  assert.doesNotMatch(modulesOf(code).join(), /opentelemetry/);
});

test('the one for tracing has no code that does I/O either', async () => {
  const code = await readFile(workflowBundle().codePath.replace(/\.js$/, '.traced.js'), 'utf8');
  assertSandboxSafe(code);
  assert.match(modulesOf(code).join(), /@temporalio\/interceptors-opentelemetry/);
});

test('the public workflow entry can be bundled into the workflows of others, and has no such code either', async () => {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../dist/workflow.js', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
  assertSandboxSafe(code);
});

test('the check finds what does not belong, by the names that the bundler gives', async () => {
  const code = await readFile(workflowBundle().codePath, 'utf8');
  for (const path of ['./node_modules/undici/index.js', './dist/bctrl/bctrl-client.js', './dist/config.js']) {
    assert.throws(() => assertSandboxSafe(`${code}\n  !*** ${path} ***!\n`));
  }
});
