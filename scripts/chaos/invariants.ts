import { fileKey } from '../../src/shared/keys.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import type { Facts, InFlight, Lookup, PipelineFact, RunFact, StoredFact } from './facts.js';
import { LATE_MS } from './faults.js';
import { LIST_LAG_MS } from './gateway-server.js';
import { groupBy } from './group-by.js';
import { findResourceProblems } from './resource-invariant.js';
import { REQUEST_TIMEOUT_MS } from './worker-server.js';

/** A worker learns with a heartbeat that a run was ended. Without an answer, it stops sending within the heartbeat timeout. */
const HEARTBEAT_TIMEOUT_MS = 10_000;

/** A busy machine is late. */
const DELAY_MS = 3_000;

/** So long after a request was given up, the API can store its file. */
const LATEST_MS = LATE_MS + DELAY_MS;

/** So long after the end of a run, what it last sent can be stored: sent at the last moment, on its way, and delayed by the API. */
const LAST_STORED_MS = HEARTBEAT_TIMEOUT_MS + REQUEST_TIMEOUT_MS + LATEST_MS;

/**
 * Copies of a path that a run can make without knowing them. An attempt looks for what the one before it has made, 15 s after that
 * one sent its request: the request's timeout and the listing's settle time. A request takes up to 20 s until its file is listed,
 * so those of two attempts overlap at most.
 */
const MAX_UNKNOWN_COPIES = 2;

/** Twice the settle time of the workers. */
const LAST_LOOKUP_WAIT_MS = 10_000;

/** Returns one sentence for each violation, which may have log lines below it. */
type Invariant = (facts: Facts) => string[];

/** What has to hold after every run. */
export const invariants = {
  'no required file is lost': ({ pipelines, stored }) =>
    pipelines.flatMap((each) => findLosses(each, stored)),
  'reports name stored files, with the right bytes': ({ pipelines, stored }) =>
    pipelines.flatMap((each) => findWrongFiles(each, stored)),
  'every duplicate is reported, and nothing else is': ({ pipelines, stored }) =>
    pipelines.flatMap((each) => countDuplicates(each, stored).problems),
  'every pipeline ends as it may': ({ pipelines }) => pipelines.flatMap(findWrongEnds),
  'no workflow task fails': ({ pipelines, taskProblems }) => [
    ...pipelines.flatMap(({ workflowId, runs }) =>
      runs.length === 0
        ? [`${workflowId}: no history was read`]
        : runs.flatMap(({ runId, failedTasks }) =>
            failedTasks.map((task) => `${workflowId} ${runId}, ${task}`),
          ),
    ),
    ...taskProblems,
  ],
  'histories replay': ({ toReplay, replayed, replayProblems }) => [
    ...(toReplay === 0 ? ['there was no history to replay'] : []),
    ...(replayed === toReplay ? [] : [`${replayed} of ${toReplay} histories were replayed`]),
    ...replayProblems,
  ],
  'workers hold nothing that they do not need': ({ resources }) => findResourceProblems(resources),
  'no process ends by itself or is left behind': ({ processProblems }) => [...processProblems],
  'the harness did what it planned': ({ pipelines, harnessProblems }) => [
    ...(pipelines.length === 0 ? ['there were no pipelines'] : []),
    ...harnessProblems,
    ...findUntoldStories(pipelines),
    ...pipelines.flatMap(({ workflowId, problem, runs }) => [
      ...(problem === undefined ? [] : [`${workflowId}: ${problem}`]),
      ...runs.flatMap(({ runId, queryProblem }) =>
        queryProblem === undefined
          ? []
          : [`${workflowId}: the run ${runId} did not say what it has: ${queryProblem}`],
      ),
    ]),
  ],
} satisfies Record<string, Invariant>;

/** How a pipeline has ended: the outcome of its newest report, or the status of a run that has none. */
export function readEnd({ runs }: PipelineFact): string {
  const last = findLast(runs);
  if (last === undefined) return 'unknown';
  if (last.status === 'completed' || last.status === 'failed') return last.report?.outcome ?? last.status;
  return last.status;
}

/** Files of a pipeline that the API made more than once. */
export interface DuplicateCount {
  readonly reported: number;
  readonly unreported: number;
  /** Made by requests of a run that was cancelled, terminated or reset: nobody was there to report them. */
  readonly inFlight: number;
  /** Not listed before the last lookup, as the API carried the request out long after its connection had closed. */
  readonly tooLate: number;
  readonly problems: readonly string[];
}

export function countDuplicates(pipeline: PipelineFact, stored: readonly StoredFact[]): DuplicateCount {
  const { workflowId, runs } = pipeline;
  const reportedIds = new Set(runs.flatMap(({ report }) => (report ? listIds(report) : [])));
  const own = filesOf(pipeline, stored);
  const missed = own.filter(({ id }) => !reportedIds.has(id));
  const ofRunningRuns = [...groupBy(missed, ({ runtimePath }) => runtimePath ?? '')].flatMap(
    ([path, files]) => findUnexcused(files, path, runs),
  );
  const lookups = runs.flatMap((run) => run.lookups).toSorted((a, b) => a.endedMs - b.endedMs);
  const unreported = ofRunningRuns.filter((file) => !isAfterLastLookup(file, lookups));
  const problems = unreported.map(
    ({ id, runtimePath }) => `${workflowId}: no report names ${id} of ${runtimePath}`,
  );
  const seen = own.filter(({ id }) => reportedIds.has(id));
  const expected = seen.length - new Set(seen.map(({ runtimePath }) => runtimePath)).size;
  const reported = lastOfEachChain(runs).reduce((sum, { report }) => sum + (report?.duplicates ?? 0), 0);
  if (reported !== expected) {
    problems.push(`${workflowId}: ${reported} duplicates are reported, and ${expected} are named and stored`);
  }
  return {
    reported,
    unreported: unreported.length,
    inFlight: missed.length - ofRunningRuns.length,
    tooLate: ofRunningRuns.length - unreported.length,
    problems,
  };
}

export function findLosses(pipeline: PipelineFact, stored: readonly StoredFact[]): string[] {
  const { workflowId, required, runs } = pipeline;
  const collected = new Set(runs.flatMap(({ report }) => report?.files ?? []).flatMap(toCollectedPath));
  const committed = new Set(filesOf(pipeline, stored).map(({ runtimePath }) => runtimePath));
  // An operator abandons a pipeline that is held, and it is held when it has all files but those that failed.
  const isComplete = ['succeeded', 'abandoned'].includes(readEnd(pipeline));
  const mustHaveAll = isComplete || pipeline.allowed.includes('terminated');
  const paths = mustHaveAll
    ? new Set([...required, ...runs.flatMap(({ added }) => added), ...collected])
    : collected;
  return [...paths].flatMap((path) => {
    if (!committed.has(path)) return [`${workflowId}: ${path} is not in the storage`];
    return collected.has(path) ? [] : [`${workflowId}: ${path} is not in a report`];
  });
}

function findWrongFiles(pipeline: PipelineFact, stored: readonly StoredFact[]): string[] {
  const { workflowId, contents, runs, archives } = pipeline;
  const own = stored.filter(({ runtimeId }) => runtimeId === pipeline.runtimeId);
  const byId = new Map(own.map((file) => [file.id, file]));
  const problems = own.flatMap(({ id, runtimePath, sha256 }) => {
    if (sha256 === undefined) return [`${workflowId}: ${id} has no bytes`];
    if (runtimePath === null || contents.get(runtimePath) === sha256) return [];
    return [`${workflowId}: the bytes of ${id} are not those of ${runtimePath}`];
  });
  for (const { report } of runs) {
    for (const outcome of report?.files ?? []) {
      if (outcome.outcome !== 'collected') continue;
      for (const id of [outcome.fileId, ...(outcome.duplicateIds ?? [])]) {
        if (byId.get(id)?.runtimePath === outcome.runtimePath) continue;
        problems.push(
          `${workflowId}: the report says ${id} for ${outcome.runtimePath}, the storage does not`,
        );
      }
    }
  }
  const zips = own.filter(({ runtimePath }) => runtimePath === null).length;
  if (zips !== archives) problems.push(`${workflowId}: there are ${zips} archives, not ${archives}`);
  return problems;
}

function findWrongEnds(pipeline: PipelineFact): string[] {
  const { workflowId, allowed, runs } = pipeline;
  const end = readEnd(pipeline);
  const problems = runs
    .filter(({ status }) => status === 'running')
    .map(({ runId }) => `${workflowId}: the run ${runId} has not ended`);
  if (!allowed.includes(end)) {
    const why = findProblem(findLast(runs)?.report) ?? 'no report says why';
    problems.push(`${workflowId}: it ended as ${end}, not as ${allowed.join(' or ')} (${why})`);
  }
  return problems;
}

function findProblem(report: PipelineReport | undefined): string | undefined {
  const ofJob = report?.jobs.find(({ problem }) => problem)?.problem?.message;
  const ofFile = report?.files.find(({ outcome }) => outcome === 'failed');
  return ofJob ?? (ofFile && 'message' in ofFile ? ofFile.message : undefined);
}

/** A few pipelines may end before their operators get to them, but not all of a story. */
const MIN_TOLD = 3;

function findUntoldStories(pipelines: readonly PipelineFact[]): string[] {
  return [...groupBy(pipelines, ({ story }) => story)]
    .filter(([, all]) => all.length >= MIN_TOLD && !all.some(({ isAsTold }) => isAsTold))
    .map(([story, { length }]) => `none of ${length} pipelines shows its story: ${story}`);
}

function filesOf({ runtimeId }: PipelineFact, stored: readonly StoredFact[]): StoredFact[] {
  return stored.filter((file) => file.runtimeId === runtimeId && file.runtimePath !== null);
}

function listIds({ files }: PipelineReport): string[] {
  return files.flatMap((file) =>
    file.outcome === 'collected' ? [file.fileId, ...(file.duplicateIds ?? [])] : [],
  );
}

/** Those of the missed copies of a path that no run that was ended from outside can have made. */
function findUnexcused(missed: readonly StoredFact[], path: string, runs: readonly RunFact[]): StoredFact[] {
  const periods = runs
    .flatMap((run) =>
      listUnattributed(run)
        .filter((file) => file.path === path)
        .map(({ sinceMs }) => ({ sinceMs, untilMs: run.endedMs + LAST_STORED_MS })),
    )
    .flatMap((period) => Array<typeof period>(MAX_UNKNOWN_COPIES).fill(period))
    .toSorted((a, b) => b.sinceMs - a.sinceMs);
  const latestFirst = missed.toSorted((a, b) => toStoredMs(b) - toStoredMs(a));
  return latestFirst.filter((file) => {
    const storedMs = toStoredMs(file);
    const index = periods.findIndex(({ sinceMs, untilMs }) => sinceMs <= storedMs && storedMs <= untilMs);
    if (index >= 0) periods.splice(index, 1);
    return index < 0;
  });
}

/** The last lookup for a file that waited as it should cannot know what the listing did not show until then. */
function isAfterLastLookup({ runtimePath, storedMs }: StoredFact, lookups: readonly Lookup[]): boolean {
  const key = fileKey({ runtimePath: runtimePath ?? '' });
  const last = lookups.findLast(({ keys }) => keys.includes(key));
  if (last === undefined || storedMs === undefined) return false;
  if (last.endedMs - last.startedMs < LAST_LOOKUP_WAIT_MS) return false;
  return storedMs + LIST_LAG_MS + DELAY_MS > last.endedMs && storedMs <= last.startedMs + LATEST_MS;
}

/** A file without bytes is excused by nothing. */
function toStoredMs({ storedMs = Number.MAX_VALUE }: StoredFact): number {
  return storedMs;
}

/** Files that a run could not report: it was ended while they were collected, or before its last lookup. */
function listUnattributed({ inFlight, status, report, startedMs: sinceMs }: RunFact): InFlight[] {
  const isCutOff = status === 'cancelled' || status === 'terminated';
  const unverified = (report?.files ?? []).filter((file) => 'unverified' in file);
  return [...inFlight, ...(isCutOff ? unverified.map(({ runtimePath: path }) => ({ path, sinceMs })) : [])];
}

function toCollectedPath({ outcome, runtimePath }: PipelineReport['files'][number]): string[] {
  return outcome === 'collected' ? [runtimePath] : [];
}

/** A run that continues or resets another one reports the files of both. */
function lastOfEachChain(runs: readonly RunFact[]): RunFact[] {
  const chains = groupBy(runs, ({ firstRunId }) => firstRunId);
  return [...chains.values()].flatMap((chain) => findLast(chain) ?? []);
}

function findLast(runs: readonly RunFact[]): RunFact | undefined {
  return runs.toSorted((a, b) => a.endedMs - b.endedMs).at(-1);
}
