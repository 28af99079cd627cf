import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { BundleOptions } from '@temporalio/worker';

/** Version of the SDK whose code is in the prebuilt bundle. The build defines it; the sources have no bundle. */
declare const BUNDLED_SDK_VERSION: string;

const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json');

/** The file with this package's workflows, for the SDK's bundler. */
export const workflowsPath = fileURLToPath(new URL('./workflows/index.js', import.meta.url));

const interceptorsModule = fileURLToPath(new URL('./workflows/interceptors.js', import.meta.url));

/** Adds the interceptors of these workflows, which are for the SDK's own payload converter. */
export function addInterceptors(options: BundleOptions): BundleOptions {
  const { payloadConverterPath, workflowInterceptorModules: modules = [] } = options;
  if (payloadConverterPath !== undefined || modules.includes(interceptorsModule)) return options;
  return { ...options, workflowInterceptorModules: [interceptorsModule, ...modules] };
}

/**
 * The module that the SDK loads once for all workflows of a worker, if its bundle preloads it. Else each cached workflow holds
 * its own copy, and loads it when it starts. That is safe as long as no module of this package keeps state between calls.
 */
export const sharedModule = fileURLToPath(new URL('./workflow.js', import.meta.url));

/**
 * This package's workflows, prebuilt, so that a worker starts without the bundler. They contain code of the SDK, which must be
 * that of the worker: `undefined` beside any other version than that of the build.
 */
export const workflowBundle =
  typeof BUNDLED_SDK_VERSION !== 'undefined' && version === BUNDLED_SDK_VERSION
    ? { codePath: fileURLToPath(new URL('./workflow-bundle.js', import.meta.url)) }
    : undefined;

/** The same, for a worker with the data converter of `createEncryption`: the bundle has its failure converter. */
export const encryptedWorkflowBundle = workflowBundle && {
  codePath: fileURLToPath(new URL('./encrypted-workflow-bundle.js', import.meta.url)),
};
