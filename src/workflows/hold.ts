import { condition } from '@temporalio/workflow';
import type { PipelineState } from './pipeline-state.js';

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
  pipeline.setPhase('held');
  const summary = 'held: send the update resume or abandon';
  // The timer shows in the timeline of the UI. It also is a command that keeps the order of the history: without it, a worker
  // that replays would deliver the update before the activity completion that led to the hold.
  while (!(await condition(() => pipeline.phase !== 'held', HOLD_TIMER, { summary })));
  return !pipeline.isAbandoned;
}
