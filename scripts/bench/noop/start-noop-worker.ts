import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import type { Processes } from '../processes.js';
import { startScript } from '../script.js';
import type { NoopWorkerInput } from './noop-worker.js';

interface NoopWorkerOptions {
  readonly address: string;
  readonly taskQueue: string;
  /** For the bundle of its workflows. */
  readonly dir: string;
}

export async function startNoopWorker(
  processes: Processes,
  { address, taskQueue, dir }: NoopWorkerOptions,
): Promise<void> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
  const codePath = join(dir, 'noop-workflows.js');
  await writeFile(codePath, code);
  const input: NoopWorkerInput = { address, taskQueue, codePath };
  await startScript(processes, 'noop/noop-worker.ts', input).receive();
}
