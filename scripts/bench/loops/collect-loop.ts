import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { filePath } from '../file-path.js';
import { importDist } from '../import-dist.js';
import { runLoop } from './run-loop.js';

const logger = new DefaultLogger('ERROR');
const { BctrlClient, createActivities } = await importDist();

/*
 * The activity as it is built, without Temporal. Each call has an environment of its own, as each task has in a worker:
 * in a shared one, every call would leave its listeners on the one cancellation signal.
 */
await runLoop(({ gatewayUrl: baseUrl, apiKey, runtimeId, concurrency: maxRequests }) => {
  const { collectRuntimeFile } = createActivities({
    client: new BctrlClient({ apiKey, baseUrl, maxRequests }),
  });
  return (number) =>
    new MockActivityEnvironment({}, { logger }).run(collectRuntimeFile, {
      runtimeId,
      runtimePath: filePath(number),
      collectionKey: `${runtimeId}/${runtimeId}/${number}`,
    });
});
