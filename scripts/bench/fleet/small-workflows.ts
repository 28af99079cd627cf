import { collectionKey, proxyBctrlActivities } from 'bctrl-temporal/workflow';
import type { Job } from './session.js';

export { postRunPipeline } from 'bctrl-temporal/workflow';

const { collectRuntimeFile, waitForInvocation } = proxyBctrlActivities();

/** What somebody writes who needs no more than this: the activities of a pipeline, and nothing around them. */
export async function handWritten({ runtimeId, invocationId, paths }: Job): Promise<string[]> {
  await waitForInvocation({ runtimeId, invocationId });
  const files = await Promise.all(
    paths.map((runtimePath) => collectRuntimeFile({ runtimeId, runtimePath, ...collectionKey() })),
  );
  return files.map(({ id }) => id);
}
