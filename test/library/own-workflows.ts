import { ApplicationFailure, executeChild, workflowInfo } from '@temporalio/workflow';
import {
  type BctrlActivityOptions,
  type BctrlFailure,
  type CollectRuntimeFileInput,
  collectionKey,
  type PipelineInput,
  type PipelineReport,
  postRunPipeline,
  proxyBctrlActivities,
  readFailure,
  readReport,
} from 'bctrl-temporal/workflow';

export { collectFile, postRunPipeline } from 'bctrl-temporal/workflow';

const runtimeId = 'rt_1';

/** Runs each activity once. */
export async function runAll(options: BctrlActivityOptions): Promise<void> {
  const activities = proxyBctrlActivities(options);
  await Promise.all([
    activities.waitForInvocation({ runtimeId, invocationId: 'inv_1' }),
    activities.collectRuntimeFile({ runtimeId, runtimePath: 'a' }),
    activities.collectRuntimeFiles({ runtimeId, files: [{ runtimePath: 'a' }] }),
    activities.verifyCollectedFiles({ runtimeId, collectionKey: 'key', collected: [], failed: [] }),
    activities.getActiveRun({ runtimeId }),
    activities.exportRunFiles({ runId: 'run_1', idempotencyKey: 'key' }),
    activities.stopRuntime({ runtimeId }),
  ]);
}

export interface CollectAllOptions {
  readonly inParallel: boolean;
  readonly withKey: boolean;
}

/** The id of each file, or why it was not collected. */
export async function collectAll(
  inputs: readonly CollectRuntimeFileInput[],
  { inParallel, withKey }: CollectAllOptions,
): Promise<(string | BctrlFailure | undefined)[]> {
  const { collectRuntimeFile } = proxyBctrlActivities();
  const collect = async (input: CollectRuntimeFileInput) => {
    try {
      const { id } = await collectRuntimeFile({ ...input, ...(withKey && collectionKey()) });
      return id;
    } catch (error) {
      return readFailure(error);
    }
  };
  if (inParallel) return await Promise.all(inputs.map(collect));
  const results = [];
  for (const input of inputs) results.push(await collect(input));
  return results;
}

/** Collects a file that a job writes late, alone and in a batch, with no option but `appearsWithin`. */
export async function collectLateFile(input: CollectRuntimeFileInput): Promise<string[]> {
  const { collectRuntimeFile, collectRuntimeFiles } = proxyBctrlActivities();
  const { runtimeId, ...file } = input;
  const [single, [batched]] = await Promise.all([
    collectRuntimeFile({ runtimeId, ...file, destinationPath: '/single', ...collectionKey() }),
    collectRuntimeFiles({
      runtimeId,
      files: [{ ...file, destinationPath: '/batched' }],
      ...collectionKey(),
    }),
  ]);
  return [single.path ?? '', (batched && 'path' in batched && batched.path) || ''];
}

/** Runs a pipeline as a child, and returns the report of a failed one. */
export async function runPipeline(input: PipelineInput): Promise<PipelineReport | undefined> {
  try {
    return await executeChild(postRunPipeline, {
      args: [input],
      workflowId: `${workflowInfo().workflowId}/child`,
    });
  } catch (error) {
    return readReport(error);
  }
}

/** Puts a failure of its own around that of an activity or of a pipeline. */
export async function failAround(input: PipelineInput & CollectRuntimeFileInput): Promise<void> {
  const { runtimePath, ...pipelineInput } = input;
  const { collectRuntimeFile } = proxyBctrlActivities();
  try {
    if (input.files) await executeChild(postRunPipeline, { args: [pipelineInput] });
    else await collectRuntimeFile({ runtimeId: input.runtimeId, runtimePath });
  } catch (error) {
    throw ApplicationFailure.create({
      type: 'OrderFailed',
      message: 'the order failed',
      nonRetryable: true,
      ...(error instanceof Error && { cause: error }),
    });
  }
}
