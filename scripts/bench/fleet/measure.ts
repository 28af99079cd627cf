import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ActionCounters, readActionCounters } from '../execution.js';
import { filePaths } from '../gateway.js';
import { probeCpu, readCpuMs, readPeakBytes, resetPeak } from '../machine.js';
import { createSteps } from '../session.js';
import { forEach } from './for-each.js';
import { measureSmall, type SmallFigures } from './measure-small.js';
import type { FleetSession, Job } from './session.js';

/** Pipelines that are started at the same time. */
const STARTS_IN_FLIGHT = 50;

/** Pipelines before the latency is measured: connections and caches are cold. */
const LATENCY_WARM_UP_RUNS = 3;

/** Until the worker has caught up with the starts, and has no more to do than to wait: a quarter of the time that it is observed. */
const SETTLE_SHARE = 0.25;

/** For one more pipeline of a fleet to wait. With a slot for each wait, those beyond the slots never do. */
const PROGRESS_TIMEOUT_MS = 180_000;

export interface FleetFigures {
  readonly small: SmallFigures;
  /** One-file pipelines without a wait, by the client's clock. */
  readonly idleMs: readonly number[];
  readonly fleetMs: readonly number[];
  /** From the first start until all pipelines wait. */
  readonly startSeconds: number;
  /** Temporal Actions until the pipelines wait. */
  readonly startActions: ActionCounters;
  /** While a short delay in noticing the end of a job still matters. */
  readonly freshRest: RestFigures;
  /** After the pause. */
  readonly rest: RestFigures;
  /** The resident set of the worker before the first start, after it has run the one-file pipelines. */
  readonly idleBytes: number | undefined;
  /** The largest resident set of the worker from the first start on; `undefined` where the system does not tell. */
  readonly peakBytes: number | undefined;
  /** CPU probes before, between and after the others. */
  readonly probeMs: readonly number[];
}

/** What a worker does whose pipelines all wait. */
interface RestFigures {
  readonly seconds: number;
  /** CPU time of the worker as a share of one core; `undefined` where the system does not tell. */
  readonly cpuShare: number | undefined;
  readonly actions: ActionCounters;
}

export async function measureFleet(session: FleetSession): Promise<FleetFigures> {
  const { plan, worker } = session;
  const { step, probeMs } = createSteps(session);
  const small = await step('small pipelines and hand-written workflows', () => measureSmall(session));
  const idleMs = await step('latency without the fleet', () => measureLatency(session));
  await resetPeak(worker.pid);
  const idleBytes = await readPeakBytes(worker.pid);
  const before = await readActionCounters(session);
  const startSeconds = await step(`${plan.pipelines} pipelines that wait`, () => startFleet(session));
  const startActions = subtract(await readActionCounters(session), before);
  await sleep(SETTLE_SHARE * plan.restSeconds * 1_000, undefined, { signal: session.signal });
  const freshRest = await step(`${plan.restSeconds} s of rest`, () => measureRest(session));
  const fleetMs = await step('latency with the fleet', () => measureLatency(session));
  const pause = { signal: session.signal };
  await step(`a pause of ${plan.pauseSeconds} s`, () => sleep(plan.pauseSeconds * 1_000, undefined, pause));
  const rest = await step(`${plan.restSeconds} s of rest`, () => measureRest(session));
  const peakBytes = await readPeakBytes(worker.pid);
  probeMs.push(probeCpu());
  return {
    small,
    idleMs,
    fleetMs,
    startSeconds,
    startActions,
    freshRest,
    rest,
    idleBytes,
    peakBytes,
    probeMs,
  };
}

async function measureLatency({ client, taskQueue, ...session }: FleetSession): Promise<number[]> {
  const count = LATENCY_WARM_UP_RUNS + session.plan.latencyRuns;
  const milliseconds: number[] = [];
  for (const { runtimeId } of await session.createJobs({ count, files: 1, isEnded: true })) {
    const files = filePaths(1).map((runtimePath) => ({ runtimePath }));
    const startedMs = performance.now();
    const workflowId = `one-file/${runtimeId}`;
    await client.workflow.execute('postRunPipeline', { workflowId, taskQueue, args: [{ runtimeId, files }] });
    milliseconds.push(performance.now() - startedMs);
  }
  return milliseconds.slice(LATENCY_WARM_UP_RUNS);
}

/** Starts the fleet, and returns after how many seconds all of it waits. */
async function startFleet(session: FleetSession): Promise<number> {
  const jobs = await session.createJobs({ count: session.plan.pipelines, files: 1, isEnded: false });
  const startedMs = performance.now();
  await forEach(jobs, STARTS_IN_FLIGHT, async ({ runtimeId, invocationId, paths }) => {
    const files = paths.map((runtimePath) => ({ runtimePath }));
    const args = [{ runtimeId, waitFor: { invocationIds: [invocationId] }, files }];
    const { taskQueue, client, signal } = session;
    signal.throwIfAborted();
    await client.workflow.start('postRunPipeline', { workflowId: toWorkflowId(runtimeId), taskQueue, args });
  });
  let [waiting, progressMs] = [0, performance.now()];
  await forEach(jobs, STARTS_IN_FLIGHT, async (job) => {
    while (!(await isWaiting(session, job))) {
      session.signal.throwIfAborted();
      if (performance.now() > progressMs + PROGRESS_TIMEOUT_MS) {
        throw new Error(`Only ${waiting} of ${jobs.length} pipelines wait: does each occupy a slot?`);
      }
      await sleep(1_000);
    }
    waiting += 1;
    progressMs = performance.now();
  });
  return (performance.now() - startedMs) / 1_000;
}

/** Whether a worker has begun to wait for the job, or has done so before. */
async function isWaiting({ client }: FleetSession, { runtimeId }: Job): Promise<boolean> {
  const { raw } = await client.workflow.getHandle(toWorkflowId(runtimeId)).describe();
  return (raw.pendingActivities ?? []).some(
    ({ attempt, lastStartedTime }) => lastStartedTime != null || Number(attempt) > 1,
  );
}

function toWorkflowId(runtimeId: string): string {
  return `waits/${runtimeId}`;
}

/** Nothing but the workers uses the server meanwhile. */
async function measureRest(session: FleetSession): Promise<RestFigures> {
  const { plan, worker, signal } = session;
  const before = await readActionCounters(session);
  const [startedMs, cpuMs] = [performance.now(), await readCpuMs(worker.pid)];
  await sleep(plan.restSeconds * 1_000, undefined, { signal });
  const ms = performance.now() - startedMs;
  const usedMs = await readCpuMs(worker.pid);
  const cpuShare = cpuMs === undefined || usedMs === undefined ? undefined : (usedMs - cpuMs) / ms;
  const after = await readActionCounters(session);
  return { seconds: (performance.now() - startedMs) / 1_000, cpuShare, actions: subtract(after, before) };
}

function subtract(after: ActionCounters, before: ActionCounters): ActionCounters {
  return { actions: after.actions - before.actions, heartbeats: after.heartbeats - before.heartbeats };
}
