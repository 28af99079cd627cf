import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import type { Facts, PipelineFact, RunFact, StoredFact } from './facts.js';
import { groupBy } from './group-by.js';
import { findResourceProblems } from './resource-invariant.js';

/** Returns one sentence for each violation. */
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
  'histories replay': ({ replayed, replayProblems }) =>
    replayed === 0 ? ['no history was replayed', ...replayProblems] : [...replayProblems],
  'workers hold nothing that they do not need': ({ resources }) => findResourceProblems(resources),
  'no process ends by itself or is left behind': ({ processProblems }) => [...processProblems],
  'the harness did what it planned': ({ pipelines, harnessProblems }) => [
    ...(pipelines.length === 0 ? ['there were no pipelines'] : []),
    ...harnessProblems,
    ...pipelines.flatMap(({ workflowId, problem }) =>
      problem === undefined ? [] : [`${workflowId}: ${problem}`],
    ),
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
  readonly problems: readonly string[];
}

export function countDuplicates(pipeline: PipelineFact, stored: readonly StoredFact[]): DuplicateCount {
  const { workflowId, runs } = pipeline;
  const reportedIds = new Set(runs.flatMap(({ report }) => (report ? listIds(report) : [])));
  const unattributed = new Set(runs.flatMap(listUnattributed));
  const own = filesOf(pipeline, stored);
  const missed = own.filter(({ id }) => !reportedIds.has(id));
  const unreported = missed.filter(({ runtimePath }) => !unattributed.has(runtimePath ?? ''));
  const problems = unreported.map(
    ({ id, runtimePath }) => `${workflowId}: no report names ${id} of ${runtimePath}`,
  );
  const seen = own.filter(({ id }) => reportedIds.has(id));
  const expected = seen.length - new Set(seen.map(({ runtimePath }) => runtimePath)).size;
  const reported = lastOfEachChain(runs).reduce((sum, { report }) => sum + (report?.duplicates ?? 0), 0);
  if (reported !== expected) {
    problems.push(`${workflowId}: ${reported} duplicates are reported, and ${expected} are named and stored`);
  }
  return { reported, unreported: unreported.length, inFlight: missed.length - unreported.length, problems };
}

export function findLosses(pipeline: PipelineFact, stored: readonly StoredFact[]): string[] {
  const { workflowId, required, runs } = pipeline;
  const collected = new Set(runs.flatMap(({ report }) => report?.files ?? []).flatMap(toCollectedPath));
  const committed = new Set(filesOf(pipeline, stored).map(({ runtimePath }) => runtimePath));
  const mustHaveAll = readEnd(pipeline) === 'succeeded' || pipeline.allowed.includes('terminated');
  const paths = mustHaveAll ? new Set([...required, ...collected]) : collected;
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

function filesOf({ runtimeId }: PipelineFact, stored: readonly StoredFact[]): StoredFact[] {
  return stored.filter((file) => file.runtimeId === runtimeId && file.runtimePath !== null);
}

function listIds({ files }: PipelineReport): string[] {
  return files.flatMap((file) =>
    file.outcome === 'collected' ? [file.fileId, ...(file.duplicateIds ?? [])] : [],
  );
}

/** Paths of files that a run could not report: it was ended while they were collected, or before its last lookup. */
function listUnattributed({ inFlight, status, report }: RunFact): string[] {
  const isCutOff = status === 'cancelled' || status === 'terminated';
  const unverified = (report?.files ?? []).filter((file) => 'unverified' in file);
  return [...inFlight, ...(isCutOff ? unverified.map(({ runtimePath }) => runtimePath) : [])];
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
