import { performance } from 'node:perf_hooks';
import { readActionCounters } from '../execution.js';
import { forEach } from './for-each.js';
import type { FleetSession, Job } from './session.js';

const FILES = 3;

/** Workflows that run at the same time. */
const IN_FLIGHT = 20;

/** Workflows of each kind before the first round, at most: connections and caches are cold. */
const MAX_WARM_UP_RUNS = 40;

/** Of a round each: the rounds of both kinds alternate. */
export interface SmallFigures {
  readonly pipelines: readonly SmallRound[];
  readonly handWritten: readonly SmallRound[];
}

interface SmallRound {
  readonly perSecond: number;
  /** Temporal Actions of each workflow. */
  readonly actions: number;
}

type Execute = (job: Job) => Promise<unknown>;

/** Runs pipelines of one ended job and three files, and hand-written workflows of the same activities, on one worker. */
export async function measureSmall(session: FleetSession): Promise<SmallFigures> {
  const { client, smallTaskQueue: taskQueue, plan } = session;
  const runPipeline: Execute = ({ runtimeId, invocationId, paths }) => {
    const files = paths.map((runtimePath) => ({ runtimePath }));
    const args = [{ runtimeId, waitFor: { invocationIds: [invocationId] }, files }];
    return client.workflow.execute('postRunPipeline', { workflowId: `small/${runtimeId}`, taskQueue, args });
  };
  const runHandWritten: Execute = (job) =>
    client.workflow.execute('handWritten', {
      workflowId: `hand-written/${job.runtimeId}`,
      taskQueue,
      args: [job],
    });
  const warmUpRuns = Math.min(plan.small, MAX_WARM_UP_RUNS);
  for (const run of [runPipeline, runHandWritten]) await measureRound(session, warmUpRuns, run);
  const [pipelines, handWritten]: [SmallRound[], SmallRound[]] = [[], []];
  for (let round = 0; round < plan.rounds; round += 1) {
    const kinds = [
      async () => pipelines.push(await measureRound(session, plan.small, runPipeline)),
      async () => handWritten.push(await measureRound(session, plan.small, runHandWritten)),
    ];
    // The database grows: neither kind is always second.
    for (const measure of round % 2 === 0 ? kinds : kinds.reverse()) await measure();
  }
  return { pipelines, handWritten };
}

async function measureRound(session: FleetSession, count: number, run: Execute): Promise<SmallRound> {
  const jobs = await session.createJobs({ count, files: FILES, isEnded: true });
  const before = await readActionCounters(session);
  const startedMs = performance.now();
  await forEach(jobs, IN_FLIGHT, async (job) => {
    session.signal.throwIfAborted();
    await run(job);
  });
  const perSecond = (count * 1_000) / (performance.now() - startedMs);
  const after = await readActionCounters(session);
  return { perSecond, actions: (after.actions - before.actions) / count };
}
