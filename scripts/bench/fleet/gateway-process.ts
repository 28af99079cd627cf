import { startGateway } from 'bctrl-temporal/testing';
import { filePaths } from '../gateway.js';
import type { Job, JobsRequest } from './session.js';

/** Longer than any measurement. */
const NEVER_ENDS_MS = 24 * 3_600_000;

/*
 * The project's own gateway in its own process. A message asks for runtimes with a job and files each, which the gateway then
 * has.
 */
const gateway = await startGateway();
process.on('message', async ({ count, files, isEnded }: JobsRequest) => {
  const paths = filePaths(files);
  const jobs: Job[] = [];
  for (let made = 0; made < count; made += 1) {
    const runtimeId = await gateway.createRuntime(Object.fromEntries(paths.map((path) => [path, path])));
    const durationMs = isEnded ? 0 : NEVER_ENDS_MS;
    const { id } = await gateway.createInvocation({ runtimeId, durationMs });
    jobs.push({ runtimeId, invocationId: id, paths });
  }
  process.send?.(jobs);
});
process.on('SIGTERM', () => void gateway.close().finally(() => process.exit()));
process.send?.({ url: gateway.url, apiKey: gateway.apiKey });
