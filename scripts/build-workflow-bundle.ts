import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/*
 * Bundles the compiled workflows for the built worker, so that it starts without a bundler: one bundle without and one with
 * the interceptors for tracing.
 */
const dist = new URL('../dist/', import.meta.url);
const { resolve } = createRequire(import.meta.url);

const bundles = {
  'workflow-bundle.js': [],
  'workflow-bundle.traced.js': [resolve('@temporalio/interceptors-opentelemetry/lib/workflow-interceptors')],
};

for (const [name, workflowInterceptorModules] of Object.entries(bundles)) {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('workflows/index.js', dist)),
    workflowInterceptorModules,
    logger: new DefaultLogger('WARN'),
  });
  await writeFile(new URL(name, dist), code);
}
