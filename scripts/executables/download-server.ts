import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Runtime } from '@temporalio/worker';

/*
 * Downloads a Temporal server with the SDK, and starts it to prove that it works. It runs in its own process because the
 * SDK's download cannot be interrupted.
 */
const [kind, downloadDir] = process.argv.slice(2);
if (!downloadDir) throw new Error('usage: download-server.ts <dev-server|time-skipping> <folder>');

// The SDK's own signal handlers would swallow the signal that ends this process.
Runtime.install({ shutdownSignals: [] });
const server = { executable: { type: 'cached-download' as const, downloadDir } };
try {
  const environment =
    kind === 'dev-server'
      ? await TestWorkflowEnvironment.createLocal({ server })
      : await TestWorkflowEnvironment.createTimeSkipping({ server });
  await environment.teardown();
} catch (error) {
  // The user sees the last line.
  console.error(error instanceof Error ? error.message : error);
  // An unused runtime would keep the process alive.
  process.exit(1);
}
