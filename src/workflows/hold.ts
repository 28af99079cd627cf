import { condition } from '@temporalio/workflow';
import type { PipelineState } from './pipeline-state.js';

/** Longer than anybody waits; then there is another. */
const HOLD_TIMER = '365d';

const SUMMARY = 'held: send the update resume or abandon';

/**
 * Holds the pipeline, for weeks if need be and without a history event, until an operator sends `resume` or `abandon`.
 *
 * @returns whether it was resumed
 */
export async function hold(pipeline: PipelineState): Promise<boolean> {
  pipeline.setPhase('held');
  // The timer is seen in the timeline of the UI. And it is a command: a worker that reads the history anew, as after a crash,
  // would otherwise hand the message over before the end of the activity that the pipeline is held for.
  while (!(await condition(() => pipeline.phase !== 'held', HOLD_TIMER, { summary: SUMMARY })));
  return !pipeline.isAbandoned;
}
