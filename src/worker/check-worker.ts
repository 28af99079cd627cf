import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from '@temporalio/worker';

/** The worker no longer takes tasks, whether it still drains or has ended. */
export function hasStopped(worker: Worker | undefined): boolean {
  const state = worker?.getState() ?? 'INITIALIZED';
  return state !== 'INITIALIZED' && state !== 'RUNNING';
}

/** Why a worker can do nothing any more, though nobody has asked it to `stop`. */
export function livenessProblems(worker: Worker | undefined, stop: AbortSignal): readonly string[] {
  if (worker === undefined) return [];
  const { runState, workflowPollerState, activityPollerState } = worker.getStatus();
  const hasFailed = [runState, workflowPollerState, activityPollerState].includes('FAILED');
  if (hasFailed) return ['the worker has failed'];
  return hasStopped(worker) && !stop.aborted ? [`the worker has stopped by itself: ${runState}`] : [];
}

/** Why a worker takes no tasks now. */
export function pollerProblems(worker: Worker | undefined): readonly string[] {
  if (worker === undefined) return ['the worker is not connected yet'];
  const { runState, workflowPollerState, activityPollerState } = worker.getStatus();
  if (runState !== 'RUNNING') return [`the worker does not run: ${runState}`];
  return [
    ...(workflowPollerState === 'POLLING' ? [] : [`workflow tasks are not polled: ${workflowPollerState}`]),
    ...(activityPollerState === 'POLLING' ? [] : [`activity tasks are not polled: ${activityPollerState}`]),
  ];
}

/** Longer than Temporal needs, shorter than whoever asks for the health of a worker waits. */
const TEMPORAL_TIMEOUT_MS = 2_000;

/** Why Temporal has no tasks to give: a worker polls on where it is away, and does not tell. */
export async function temporalProblems(worker: Worker | undefined): Promise<readonly string[]> {
  const { connection } = worker ?? {};
  if (connection === undefined) return [];
  const answered = connection.workflowService.getSystemInfo({}).then(() => undefined, reasonOf);
  // A deadline of the call itself would not end the connection's own retries.
  const late = sleep(TEMPORAL_TIMEOUT_MS, `nothing within ${TEMPORAL_TIMEOUT_MS} ms`, { ref: false });
  const problem = await Promise.race([answered, late]);
  return problem === undefined ? [] : [`Temporal does not answer: ${problem}`];
}

function reasonOf(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n', 1);
  return line;
}
