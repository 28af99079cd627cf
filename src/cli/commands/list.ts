import type { WorkflowExecutionDescription, WorkflowExecutionInfo } from '@temporalio/client';
import stringWidth from 'string-width';
import { type ExitCode, exitCodes } from '../../exit.js';
import { formatCount, formatCountOf } from '../../shared/display-text.js';
import type { PipelinePhase } from '../../shared/pipeline-report.js';
import { type PipelineFilter, searchAttributes } from '../../shared/search-attributes.js';
import { type Io, writeJson } from '../io.js';
import { formatAge, formatStatus } from '../output/format.js';
import {
  createStyle,
  type Style,
  tableLines,
  terminalColumns,
  truncate,
  writeLines,
} from '../output/lines.js';
import { describeNewestRuns, listPipelines } from '../temporal/find-pipelines.js';
import { type Session, uiLink, withTemporal } from '../temporal/session.js';
import { readReasons } from './read-reason.js';

/** Temporal returns so many runs with one request, in an order of its own: the newest pipelines are found among these. */
const MAX_RUNS = 1_000;

/** Newest runs that are described at once until enough of them match. */
const CHUNK = 50;

/** Enough to recognize a cause where no terminal limits the line. */
const REASON_COLUMNS = 60;

interface ListOptions {
  readonly phase?: PipelinePhase;
  readonly runtime?: string;
  readonly failed?: boolean;
  readonly held?: boolean;
  readonly running?: boolean;
  readonly retrying?: boolean;
  readonly limit: number;
  readonly json?: boolean;
}

interface Selection {
  readonly pipelines: readonly Listable[];
  /** Number of all pipelines that match; `undefined` if it is not known. */
  readonly total: number | undefined;
}

/** What a listing and a description of a run share. */
type Listable = Omit<WorkflowExecutionInfo, 'raw'>;

type ListedPipeline = ReturnType<typeof toListed>;

/** `list`: lists the newest pipelines, with the values of their search attributes and why they failed. */
export async function listCommand(io: Io, { limit, json, ...options }: ListOptions): Promise<ExitCode> {
  return await withTemporal(io, async (session) => {
    const { pipelines, total } = await select(session, options, limit);
    const reasons = await readReasons(session, pipelines);
    const listed = pipelines.map((info, index) => toListed(session, info, reasons[index]));
    if (json) writeJson(io, { pipelines: listed, hasMore: total !== listed.length, total });
    else print(io, listed, total);
    return exitCodes.done;
  });
}

/** The newest pipelines that match. Of each workflow id only the newest run counts. */
async function select(
  session: Session,
  { phase, held, runtime, failed, running, retrying }: Omit<ListOptions, 'limit'>,
  limit: number,
): Promise<Selection> {
  const runs = await listRuns(session, {
    phase: held ? 'held' : phase,
    runtimeId: runtime,
    failed,
    // A pipeline that was terminated while held keeps its phase.
    running: held || running || retrying,
  });
  const byId = new Map<string, Listable>();
  for (const run of runs.toSorted(byStartTime)) {
    if (!byId.has(run.workflowId)) byId.set(run.workflowId, run);
  }
  const newest = [...byId.values()];
  const isAll = runs.length < MAX_RUNS;
  if (!failed && !retrying) {
    return { pipelines: newest.slice(0, limit), total: isAll ? newest.length : undefined };
  }
  // A run that was listed as failed may have been rerun since. What an activity does now, no listing says.
  const matching: Listable[] = [];
  const ids = newest.map(({ workflowId }) => workflowId);
  while (ids.length > 0 && matching.length <= limit) {
    const described = await describeNewestRuns(session, ids.splice(0, CHUNK));
    const matches = described.filter(
      (each) => (!failed || hasFailed(each)) && (!retrying || isRetrying(each)),
    );
    matching.push(...matches);
  }
  const total = isAll && ids.length === 0 ? matching.length : undefined;
  return { pipelines: matching.toSorted(byStartTime).slice(0, limit), total };
}

async function listRuns(session: Session, filter: PipelineFilter): Promise<WorkflowExecutionInfo[]> {
  const runs: WorkflowExecutionInfo[] = [];
  for await (const run of listPipelines(session, filter)) {
    runs.push(run);
    if (runs.length === MAX_RUNS) break;
  }
  return runs;
}

function byStartTime(a: Listable, b: Listable): number {
  return b.startTime.getTime() - a.startTime.getTime();
}

function hasFailed({ status, typedSearchAttributes: attributes }: Listable): boolean {
  const isClosed = status.name === 'FAILED' || status.name === 'TIMED_OUT';
  return isClosed || (attributes.get(searchAttributes.filesFailed) ?? 0) > 0;
}

/** An activity is in a later attempt than its first. */
function isRetrying({ raw }: WorkflowExecutionDescription): boolean {
  return (raw.pendingActivities ?? []).some(({ attempt }) => (attempt ?? 1) > 1);
}

function toListed(session: Session, info: Listable, reason: string | undefined) {
  const { workflowId, runId, startTime, closeTime, typedSearchAttributes: attributes } = info;
  return {
    workflowId,
    runId,
    status: formatStatus(info),
    phase: attributes.get(searchAttributes.phase),
    runtimeId: attributes.get(searchAttributes.runtimeId),
    filesCollected: attributes.get(searchAttributes.filesCollected),
    filesFailed: attributes.get(searchAttributes.filesFailed),
    reason,
    startTime,
    closeTime,
    uiLink: uiLink(session, workflowId),
  };
}

function print(
  { stdout, stderr }: Io,
  pipelines: readonly ListedPipeline[],
  total: number | undefined,
): void {
  if (pipelines.length === 0) {
    stderr.write('no pipelines found\n');
    return;
  }
  const style = createStyle(stdout);
  const columns = terminalColumns(stdout);
  const head = ['STATUS', 'COLLECTED', 'FAILED', 'STARTED', 'REASON', 'WORKFLOW ID'];
  const rows = pipelines.map((pipeline) => toRow(pipeline, style));
  // The workflow ids of a narrow terminal are below.
  const widthOf = (column: number) =>
    Math.max(...[head, ...rows].map((row) => stringWidth(row[column] ?? '')));
  const taken = [0, 1, 2, 3].reduce((sum, column) => sum + widthOf(column) + 2, 0);
  const room = columns === undefined ? REASON_COLUMNS : Math.max(columns - taken, head[4]?.length ?? 0);
  for (const row of rows) row[4] = truncate(row[4] ?? '', room);
  writeLines(stdout, tableLines([head, ...rows], columns));
  stderr.write(`${describeTotal(pipelines, total)}\n`);
}

/** `20 of 340 pipelines (raise --limit): 12 completed, 5 failed, 3 held`. */
function describeTotal(pipelines: readonly ListedPipeline[], total: number | undefined): string {
  const counts = new Map<string, number>();
  for (const state of pipelines.map(toState)) counts.set(state, (counts.get(state) ?? 0) + 1);
  const states = [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([state, count]) => `${formatCount(count)} ${state}`);
  const shown = formatCount(pipelines.length);
  const count =
    total === pipelines.length
      ? formatCountOf(total, 'pipeline')
      : `${shown} of ${total === undefined ? 'more' : formatCount(total)} pipelines (raise --limit)`;
  return `${count}: ${states.join(', ')}`;
}

/** The phase of a pipeline that runs, else how it ended. */
function toState({ status, phase }: ListedPipeline): string {
  return status === 'running' ? (phase ?? status) : status;
}

function toRow(pipeline: ListedPipeline, style: Style): string[] {
  const { filesCollected, filesFailed, startTime, reason = '?', workflowId } = pipeline;
  const state = toState(pipeline);
  const failed = (filesFailed === undefined ? '' : formatCount(filesFailed)).padStart(6);
  const color = stateColors[state];
  return [
    color === undefined ? state : style(color, state),
    (filesCollected === undefined ? '' : formatCount(filesCollected)).padStart(9),
    filesFailed ? style('red', failed) : failed,
    formatAge(Date.now() - startTime.getTime()),
    reason,
    workflowId,
  ];
}

const stateColors: Readonly<Record<string, 'red' | 'yellow'>> = {
  failed: 'red',
  'timed-out': 'red',
  held: 'yellow',
};
