import { CancellationScope, isCancellation } from '@temporalio/workflow';
import { collectionKey, proxyBctrlActivities, readFailure } from 'bctrl-temporal/workflow';

export { postRunPipeline } from 'bctrl-temporal/workflow';

const { collectRuntimeFile } = proxyBctrlActivities({ giveUpAfter: '1h' });

export interface Findings {
  readonly name: string | undefined;
  readonly missing: string | undefined;
  readonly isTimedOut: boolean;
  readonly isKept: boolean;
}

/** Collects a file, and shows that the SDK's cancellation scopes hold for our activities: there is one copy of the SDK. */
export async function collectWithScopes(runtimeId: string): Promise<Findings> {
  const collect = (runtimePath: string, appearsWithin?: '1h') =>
    collectRuntimeFile({
      runtimeId,
      runtimePath,
      ...collectionKey(),
      ...(appearsWithin && { appearsWithin }),
    });
  const { name } = await collect('a.txt');
  const missing = await collect('missing.txt').then(
    () => undefined,
    (error: unknown) => readFailure(error)?.code,
  );
  const isTimedOut = await CancellationScope.withTimeout('2s', () => collect('late.txt', '1h')).then(
    () => false,
    isCancellation,
  );
  const isKept = await CancellationScope.cancellable(async () => {
    CancellationScope.current().cancel();
    return await CancellationScope.nonCancellable(() => collect('b.txt'));
  }).then(() => true);
  return { name, missing, isTimedOut, isKept };
}
