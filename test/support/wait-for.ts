import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { PROGRESS_QUERY } from '../../src/shared/names.js';
import type { PipelineProgress } from '../../src/shared/pipeline-report.js';

/** In real time. Longer than anything takes on a busy machine, and shorter than the timeout of a test file. */
const DEFAULT_TIMEOUT_MS = 180_000;

/** Polling more often would take the processor from the code that is waited for. */
const MAX_INTERVAL_MS = 50;

type Truthy<T> = Exclude<T, undefined | null | false | 0 | ''>;

/**
 * Polls `condition` until it returns something truthy, and returns that. Errors of the condition are not caught.
 *
 * @throws Error "waited for <what>" when the time is up
 */
export async function waitFor<T>(
  what: string,
  condition: () => T | Promise<T>,
  { timeoutMs = DEFAULT_TIMEOUT_MS } = {},
): Promise<Truthy<T>> {
  const startedMs = performance.now();
  for (;;) {
    const value = await condition();
    if (value) return value as Truthy<T>;
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs > timeoutMs) throw new Error(`waited for ${what}`);
    await sleep(Math.min(1 + elapsedMs / 10, MAX_INTERVAL_MS));
  }
}

/** Waits until a pipeline is in this phase and, if given, meets `condition` too. */
export async function waitForPhase(
  handle: WorkflowHandle,
  phase: PipelineProgress['phase'],
  condition: (progress: PipelineProgress) => boolean = () => true,
): Promise<PipelineProgress> {
  return await waitFor(`a pipeline that is ${phase}`, async () => {
    const progress = await handle.query<PipelineProgress>(PROGRESS_QUERY);
    return progress.phase === phase && condition(progress) && progress;
  });
}

/** Waits until Temporal is at this attempt at a workflow task, or at a later one: those before it have failed or timed out. */
export async function waitForTaskAttempt(handle: WorkflowHandle, attempt: number): Promise<void> {
  await waitFor(`attempt ${attempt} of a workflow task`, async () => {
    const { raw } = await handle.describe();
    return (raw.pendingWorkflowTask?.attempt ?? 1) >= attempt;
  });
}
