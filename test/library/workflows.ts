import { collectionKey, proxyBctrlActivities } from 'bctrl-temporal/workflow';

export { postRunPipeline } from 'bctrl-temporal/workflow'; // if you want it

const { collectRuntimeFile, waitForInvocation } = proxyBctrlActivities({ giveUpAfter: '1h' });

export async function collectResults(runtimeId: string, invocationId: string): Promise<string> {
  await waitForInvocation({ runtimeId, invocationId });
  const file = await collectRuntimeFile({
    runtimeId,
    runtimePath: 'results.csv',
    ...collectionKey('results'),
  });
  return file.id;
}
