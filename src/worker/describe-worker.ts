import { type NativeConnection, Worker } from '@temporalio/worker';
import type { BctrlClient } from '../bctrl/bctrl-client.js';
import type { KeyRing } from '../encryption/key-ring.js';
import { DESCRIBE_WORKER, toDescribeQueue, type WorkerState } from '../shared/worker-state.js';
import { version } from '../version.js';
import type { ApiKeyCheck } from './api-key-check.js';
import { MAX_ACTIVITIES } from './create-worker.js';

/** Nobody but a person who runs `doctor` asks. */
const MAX_QUESTIONS = 5;

/**
 * Answers `doctor` on a task queue of this process alone, as a second worker: it answers also while the first one is full. It
 * encrypts nothing, so that `doctor` can read it whatever keys it has.
 *
 * @param worker the one that is described
 * @returns ends it, before its connection closes
 */
export async function serveDescription(
  connection: NativeConnection,
  worker: Worker,
  client: BctrlClient,
  keyCheck: ApiKeyCheck,
  encryptionKeys: KeyRing,
): Promise<() => Promise<void>> {
  const { namespace, taskQueue, identity } = worker.options;
  const describeWorker = async (): Promise<WorkerState> => ({
    version,
    apiKey: await describeKey(keyCheck),
    encryptionKeys: encryptionKeys.fingerprints,
    activities: { running: worker.getStatus().numInFlightNonLocalActivities, limit: MAX_ACTIVITIES },
    requests: { inFlight: client.requestsInFlight, limit: client.maxRequests },
  });
  const answering = await Worker.create({
    connection,
    namespace,
    identity,
    taskQueue: toDescribeQueue(taskQueue, identity),
    activities: { [DESCRIBE_WORKER]: describeWorker },
    maxConcurrentActivityTaskExecutions: MAX_QUESTIONS,
    maxConcurrentActivityTaskPolls: 1,
  });
  // A failure ends only the answers: doctor then says that there are none.
  const ended = answering.run().catch(() => undefined);
  return async () => {
    if (answering.getState() === 'RUNNING') answering.shutdown();
    await ended;
  };
}

async function describeKey(keyCheck: ApiKeyCheck): Promise<WorkerState['apiKey']> {
  const problem = await keyCheck.recheck();
  return problem === undefined ? { id: keyCheck.keyId } : { problem, isRefused: keyCheck.isRefused };
}
