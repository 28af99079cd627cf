import { collectionKey, proxyBctrlActivities, readFailure } from 'bctrl-temporal/workflow';

const { collectRuntimeFile, waitForInvocation } = proxyBctrlActivities({ giveUpAfter: '2h' });

export interface JobFiles {
  /** Id of the stored file. */
  readonly results: string;
  /** Id of the stored file; absent if the job wrote no log. */
  readonly log?: string | undefined;
}

/** Waits for a job and collects its results, and its log if there is one. */
export async function collectJob(runtimeId: string, invocationId: string): Promise<JobFiles> {
  await waitForInvocation({ runtimeId, invocationId });
  const [results, log] = await Promise.all([
    collectRuntimeFile({ runtimeId, runtimePath: 'results.csv', ...collectionKey() }),
    collectRuntimeFile({ runtimeId, runtimePath: 'agent.log', ...collectionKey() }).catch(ignoreMissing),
  ]);
  return { results: results.id, log: log?.id };
}

function ignoreMissing(error: unknown): undefined {
  if (readFailure(error)?.code !== 'file.not_found') throw error;
}
