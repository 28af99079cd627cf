import { CancellationScope, log, workflowInfo } from '@temporalio/workflow';
import { toMessage, truncateLine } from '../shared/display-text.js';
import type { OnCloseWorkflow } from '../shared/pipeline-input.js';
import type { PipelineNotice } from '../shared/pipeline-report.js';
import type { PipelineState } from './pipeline-state.js';
import { startWorkflow } from './start-workflow.js';
import { describeProblem } from './temporal-ui.js';

/** Starts the workflow of `onClose` for a pipeline that has become held, if the input asks for it. */
export async function tellHeld(pipeline: PipelineState): Promise<void> {
  const { onClose } = pipeline.input;
  if (onClose === undefined || onClose.when === 'failed') return;
  await tell(pipeline, onClose, 'held', `held-${pipeline.holds}`);
}

/** Starts the workflow of `onClose` for a pipeline that closes, if the input asks for it. */
export async function tellClosed(pipeline: PipelineState): Promise<void> {
  const { input, outcome } = pipeline;
  const { onClose } = input;
  if (onClose === undefined) return;
  const isSuccess = outcome === 'succeeded' || outcome === 'skipped';
  if (!isSuccess || onClose.when === 'always') await tell(pipeline, onClose, 'done', 'closed');
}

/** Never fails: what became of the files counts, whether somebody hears of it or not. */
async function tell(
  pipeline: PipelineState,
  workflow: OnCloseWorkflow,
  phase: PipelineNotice['phase'],
  suffix: string,
): Promise<void> {
  const { workflowId, runId, originalExecutionRunId } = workflowInfo();
  // A reset replays what this run did, and so has the same key. A run that continues this one, or retries it, has its own.
  const key = `${workflowId}/${originalExecutionRunId}/on-close/${suffix}`;
  const problem = describeProblem(pipeline.report);
  const notice: PipelineNotice = {
    ...pipeline.progress,
    phase,
    workflowId,
    workflowRunId: runId,
    ...(problem !== '' && { problem }),
  };
  try {
    const start = () => startWorkflow(workflow, { key, hashedPrefix: 'on-close' }, notice);
    pipeline.onClose = await CancellationScope.nonCancellable(start);
  } catch (error) {
    const problemOfStart = truncateLine(toMessage(error));
    pipeline.files.warnings.add(
      `the workflow ${workflow.workflowType} of onClose could not be started: ${problemOfStart}`,
    );
    log.warn('onClose failed', { workflowType: workflow.workflowType, problem: problemOfStart });
  }
  pipeline.updateCurrentDetails();
}
