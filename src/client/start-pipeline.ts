import type { Client } from '@temporalio/client';
import { DEFAULT_TASK_QUEUE, POST_RUN_PIPELINE } from '../shared/names.js';
import { parseInput } from '../shared/parse-input.js';
import { type PipelineInput, pipelineInputSchema } from '../shared/pipeline-input.js';
import { describePipeline } from './describe-pipeline.js';
import { getPipelineHandle, type PipelineHandle } from './pipeline-handle.js';
import { type StartResult, startWorkflow } from './start-workflow.js';
import { toPipelineWorkflowId } from './workflow-id.js';

/** How `startPipeline` starts a pipeline. */
export interface StartPipelineOptions {
  /** The task queue of the worker. Default: `bctrl-runtime-files`. */
  readonly taskQueue?: string | undefined;
  /** Default: `pipelineWorkflowId(input)`. */
  readonly workflowId?: string | undefined;
  /**
   * Runs a pipeline again that has ended under this workflow id. `always`: however it ended. `if-failed`: unless it completed.
   * Default: never. A running pipeline is never started a second time.
   */
  readonly again?: 'always' | 'if-failed' | undefined;
}

/** A pipeline that was started or found. */
export interface StartedPipeline extends PipelineHandle, StartResult {}

/**
 * Starts a pipeline, or attaches to the one of the same workflow id. A call that fails can be repeated: the workflow id is made
 * from the input, so that there is one pipeline.
 *
 * @throws ApplicationFailure `invalid_input`, naming the field, for a wrong input
 * @throws WorkflowExecutionAlreadyStartedError if the workflow id belongs to a workflow of another type
 * @throws ServiceError if Temporal cannot be reached or refuses the start
 */
export async function startPipeline(
  client: Client,
  input: PipelineInput,
  { taskQueue = DEFAULT_TASK_QUEUE, again, ...options }: StartPipelineOptions = {},
): Promise<StartedPipeline> {
  const parsed = parseInput(pipelineInputSchema, input);
  const { workflowId = toPipelineWorkflowId(parsed) } = options;
  const started = await startWorkflow(client, {
    ...describePipeline(parsed),
    workflowType: POST_RUN_PIPELINE,
    workflowId,
    taskQueue,
    input: parsed,
    again,
  });
  return { ...getPipelineHandle(client, workflowId), ...started };
}
