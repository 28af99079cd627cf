import { collectionKey, proxyBctrlActivities, readFailure } from 'bctrl-temporal/workflow';

const { collectRuntimeFile, waitForInvocation } = proxyBctrlActivities({
  giveUpAfter: '1h',
  waitTimeout: '8h',
});

export interface Job {
  readonly runtimeId: string;
  readonly invocationId: string;
}

export interface JobFiles {
  /** How the job ended. */
  readonly status: string;
  /** Id of the stored file. */
  readonly results: string;
  /** Id of the stored file; absent if the job wrote no log. */
  readonly log?: string | undefined;
}

/** Waits for a job and collects its results, and its log if there is one. */
export async function collectJob({ runtimeId, invocationId }: Job): Promise<JobFiles> {
  const { status } = await waitForInvocation({ runtimeId, invocationId });
  const [results, log] = await Promise.all([
    // The job may still be writing.
    collectRuntimeFile({ runtimeId, runtimePath: 'results.csv', appearsWithin: '30s', ...collectionKey() }),
    collectRuntimeFile({ runtimeId, runtimePath: 'agent.log', ...collectionKey() }).catch(ignoreMissing),
  ]);
  return { status, results: results.id, log: log?.id };
}

function ignoreMissing(error: unknown): undefined {
  if (readFailure(error)?.code !== 'file.not_found') throw error;
}
