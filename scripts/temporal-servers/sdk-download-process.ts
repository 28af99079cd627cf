import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Runtime } from '@temporalio/worker';

const [kind, downloadDir] = process.argv.slice(2);
if (!downloadDir) throw new Error('usage: sdk-download-process.ts <dev-server|time-skipping> <folder>');

// Without workers to shut down, the SDK's own signal handlers would only swallow the signal that ends this process.
Runtime.install({ shutdownSignals: [] });
const server = { executable: { type: 'cached-download' as const, downloadDir } };
try {
  const environment =
    kind === 'dev-server'
      ? await TestWorkflowEnvironment.createLocal({ server })
      : await TestWorkflowEnvironment.createTimeSkipping({ server });
  await environment.teardown();
} catch (error) {
  // The last line is what the user gets to see.
  console.error(error instanceof Error ? error.message : error);
  // A runtime that was never used would keep the process alive.
  process.exit(1);
}
