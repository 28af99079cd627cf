import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { filePath } from '../file-path.js';
import { assertEachOnce } from '../gateway/assert-each-once.js';
import type { Session } from '../session.js';

export interface Latencies {
  readonly pipelineMs: readonly number[];
  readonly noopMs: readonly number[];
}

/** Pairs before those that count: connections and caches are cold. */
const WARM_UP_RUNS = 3;

/** How long a client waits for the smallest pipeline, and for the smallest workflow that there is; one after the other. */
export async function measureLatency(session: Session): Promise<Latencies> {
  const runs = WARM_UP_RUNS + session.plan.latencyRuns;
  const [pipelineMs, noopMs]: [number[], number[]] = [[], []];
  for (let run = 0; run < runs; run += 1) {
    noopMs.push(await runNoop(session));
    pipelineMs.push(await runOneFile(session));
  }
  return { pipelineMs: pipelineMs.slice(WARM_UP_RUNS), noopMs: noopMs.slice(WARM_UP_RUNS) };
}

async function runNoop({ client, noopTaskQueue }: Session): Promise<number> {
  return await time(() =>
    client.workflow.execute('noopOnce', {
      workflowId: `noop-${randomUUID()}`,
      taskQueue: noopTaskQueue,
      args: [filePath(1)],
    }),
  );
}

async function runOneFile({ client, taskQueue, gateway }: Session): Promise<number> {
  const runtimeId = randomUUID();
  const runtimePath = filePath(1);
  const ms = await time(() =>
    client.workflow.execute('postRunPipeline', {
      workflowId: `post-run/${runtimeId}`,
      taskQueue,
      args: [{ runtimeId, files: [{ runtimePath }] }],
    }),
  );
  assertEachOnce([runtimePath], await gateway.takeBooks(runtimeId));
  return ms;
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
