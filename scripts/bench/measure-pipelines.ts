import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { PipelineReport } from '../../src/index.js';
import { type Execution, measureExecution } from './execution.js';
import { assertEachOnce, filePath, filePaths, type GatewayLoad } from './gateway.js';
import { readPeakBytes, resetPeak } from './machine.js';
import type * as noopWorkflows from './noop-workflows.js';
import { type Session, startWorker } from './session.js';

/** A worker of the SDK executes this many activities at once by default. */
export const NOOP_CONCURRENCY = 100;

/** Pairs of workflows before the latency is measured: connections and caches are cold. */
const LATENCY_WARM_UP_RUNS = 3;

/** A first pipeline loads code, which would count as the memory of the measured one. */
const MEMORY_WARM_UP_FILES = 10;

export interface PipelineFigures extends Execution {
  readonly files: number;
  /** The pipeline of no-op activities has none. */
  readonly gateway?: GatewayLoad;
}

export interface LatencyFigures {
  readonly pipelineMs: readonly number[];
  readonly noopMs: readonly number[];
}

export interface MemoryFigures {
  readonly files: number;
  readonly workerStartMs: number;
  /** The worker's largest resident set while the pipeline ran; `undefined` where the system does not tell. */
  readonly peakBytes: number | undefined;
}

/** Runs one pipeline as a user does, and checks that the gateway has each file exactly once. */
export async function measurePipeline(session: Session, files: number): Promise<PipelineFigures> {
  let gateway: GatewayLoad | undefined;
  const execution = await measureExecution(session, async () => {
    const observed = await session.gateway.observe(() => runPipeline(session, session.taskQueue, files));
    gateway = observed.load;
    return observed.result;
  });
  return { ...execution, files, ...(gateway && { gateway }) };
}

/** Runs a pipeline with one activity per file that does nothing: what remains is Temporal's own cost. */
export async function measureNoopPipeline(session: Session): Promise<PipelineFigures> {
  const { client, plan, noopTaskQueue: taskQueue } = session;
  const workflowId = `noop-${randomUUID()}`;
  const execution = await measureExecution(session, async () => {
    const args: Parameters<typeof noopWorkflows.noopForEach> = [
      { paths: filePaths(plan.noopFiles), concurrency: NOOP_CONCURRENCY },
    ];
    await client.workflow.execute('noopForEach', { workflowId, taskQueue, args });
    return workflowId;
  });
  return { ...execution, files: plan.noopFiles };
}

/** Measures how long a client waits for the smallest pipeline and for the smallest workflow, in turn. */
export async function measureLatency({ client, gateway, ...session }: Session): Promise<LatencyFigures> {
  const runNoop = () =>
    client.workflow.execute('noopOnce', {
      workflowId: `noop-${randomUUID()}`,
      taskQueue: session.noopTaskQueue,
      args: [filePath(1)],
    });
  const runOneFile = (runtimeId: string) =>
    client.workflow.execute('postRunPipeline', {
      workflowId: `post-run/${runtimeId}`,
      taskQueue: session.taskQueue,
      args: [{ runtimeId, files: [{ runtimePath: filePath(1) }] }],
    });
  const [pipelineMs, noopMs]: [number[], number[]] = [[], []];
  for (let run = 0; run < LATENCY_WARM_UP_RUNS + session.plan.latencyRuns; run += 1) {
    const runtimeId = randomUUID();
    noopMs.push(await time(runNoop));
    pipelineMs.push(await time(() => runOneFile(runtimeId)));
    assertEachOnce([filePath(1)], await gateway.takeFiles(runtimeId));
  }
  return { pipelineMs: pipelineMs.slice(LATENCY_WARM_UP_RUNS), noopMs: noopMs.slice(LATENCY_WARM_UP_RUNS) };
}

/** Measures the memory of a fresh worker while it runs one pipeline. */
export async function measureMemory(session: Session, files: number): Promise<MemoryFigures> {
  const taskQueue = `memory-${randomUUID()}`;
  const worker = await startWorker(session, taskQueue);
  await runPipeline(session, taskQueue, MEMORY_WARM_UP_FILES);
  await resetPeak(worker.pid);
  await runPipeline(session, taskQueue, files);
  const peakBytes = await readPeakBytes(worker.pid);
  await worker.end();
  return { files, workerStartMs: worker.startMs, peakBytes };
}

/** Starts a pipeline without `--wait`, whose queries would be measured too. Returns its workflow id. */
async function runPipeline(session: Session, taskQueue: string, files: number): Promise<string> {
  const { processes, server, client, gateway } = session;
  const runtimeId = randomUUID();
  const paths = filePaths(files);
  const env = { TEMPORAL_ADDRESS: server.address, BCTRL_TASK_QUEUE: taskQueue };
  const { stdout } = await processes.runStarter(['start', runtimeId, ...paths], env);
  const workflowId = stdout.trim();
  const { counts } = (await client.workflow.getHandle(workflowId).result()) as PipelineReport;
  if (counts.files !== files || counts.collected !== files) {
    throw new Error(`${workflowId} reports ${counts.collected} of ${counts.files} files, not ${files}`);
  }
  assertEachOnce(paths, await gateway.takeFiles(runtimeId));
  return workflowId;
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
