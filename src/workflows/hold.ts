import { condition, log } from '@temporalio/workflow';
import { tellHeld } from './on-close.js';
import type { PipelineState } from './pipeline-state.js';
import { describeProblem } from './temporal-ui.js';

/** Longer than anyone holds a pipeline. The timer is started again when it fires. */
const HOLD_TIMER = '365d';

export function shouldHold({ isIncomplete, input }: PipelineState): boolean {
  return isIncomplete && input.onFailure === 'hold';
}

/**
 * Waits for the update `resume` or `abandon`, for weeks if need be and without a history event. Files that are added and jobs
 * that finish meanwhile do not end the wait.
 *
 * @returns whether the pipeline was resumed
 */
export async function hold(pipeline: PipelineState): Promise<boolean> {
  pipeline.holds += 1;
  pipeline.setPhase('held');
  logHold(pipeline);
  const told = tellHeld(pipeline);
  const summary = 'held: send the update resume or abandon';
  // The timer shows in the timeline of the UI. It also is a command that keeps the order of the history: without it, a worker
  // that replays would deliver the update before the activity completion that led to the hold.
  try {
    while (!(await condition(() => pipeline.phase !== 'held', HOLD_TIMER, { summary })));
  } finally {
    await told;
  }
  return !pipeline.isAbandoned;
}

function logHold({ report, unresolvedJobs }: PipelineState): void {
  const { counts } = report;
  log.warn('pipeline is held', {
    files: counts.files,
    failed: counts.failed,
    unresolvedJobs: unresolvedJobs.length,
    problem: describeProblem(report),
  });
}
