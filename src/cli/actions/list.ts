import type { WorkflowExecutionInfo } from '@temporalio/client';
import { type ExitCode, exitCodes } from '../../exit.js';
import type { PipelinePhase } from '../../shared/pipeline-report.js';
import { searchAttributes } from '../../shared/search-attributes.js';
import { type Io, writeJson } from '../io.js';
import { formatDuration } from '../show/format-duration.js';
import { type Colors, colorsOf, writeLines } from '../show/lines.js';
import { statusOf } from '../show/status-of.js';
import { tableLines } from '../show/table.js';
import { type Session, withTemporal } from '../temporal/connect.js';
import { listPipelines } from '../temporal/list-pipelines.js';
import { uiLink } from '../temporal/ui-link.js';

export interface ListCommandOptions {
  readonly phase?: PipelinePhase;
  readonly runtime?: string;
  readonly failed?: boolean;
  readonly held?: boolean;
  readonly running?: boolean;
  readonly limit: number;
  readonly json?: boolean;
}

type ListedPipeline = ReturnType<typeof toListed>;

/** `list`: the newest pipelines, by what the search attributes tell of them. */
export async function listCommand(
  io: Io,
  { phase, held, runtime, failed, running, limit, json }: ListCommandOptions,
): Promise<ExitCode> {
  return await withTemporal(async (session) => {
    const filter = {
      phase: held ? ('held' as const) : phase,
      runtimeId: runtime,
      failed,
      // A held pipeline that was terminated keeps its phase.
      running: held || running,
    };
    const pipelines: ListedPipeline[] = [];
    let hasMore = false;
    for await (const info of listPipelines(session, filter)) {
      hasMore = pipelines.length === limit;
      if (hasMore) break;
      pipelines.push(toListed(session, info));
    }
    if (json) writeJson(io, { pipelines, hasMore });
    else show(io, pipelines, hasMore);
    return exitCodes.done;
  });
}

function toListed({ config }: Session, info: WorkflowExecutionInfo) {
  const { workflowId, runId, startTime, closeTime, typedSearchAttributes: attributes } = info;
  return {
    workflowId,
    runId,
    status: statusOf(info),
    phase: attributes.get(searchAttributes.phase),
    runtimeId: attributes.get(searchAttributes.runtimeId),
    filesCollected: attributes.get(searchAttributes.filesCollected),
    filesFailed: attributes.get(searchAttributes.filesFailed),
    startTime,
    closeTime,
    uiLink: uiLink(config, workflowId),
  };
}

function show(io: Io, pipelines: readonly ListedPipeline[], hasMore: boolean): void {
  if (pipelines.length === 0) {
    io.stderr.write('no such pipeline\n');
    return;
  }
  const colors = colorsOf(io.stdout);
  const head = ['STATUS', 'PHASE', 'COLLECTED', 'FAILED', 'STARTED', 'WORKFLOW ID'];
  writeLines(io.stdout, tableLines([head, ...pipelines.map((pipeline) => toRow(pipeline, colors))]));
  if (hasMore) io.stderr.write('and more: --limit\n');
}

function toRow(pipeline: ListedPipeline, colors: Colors): string[] {
  const { status, phase = '', filesCollected, filesFailed, startTime, workflowId } = pipeline;
  const failed = filesFailed === undefined ? '' : String(filesFailed);
  return [
    status === 'failed' ? colors.red(status) : status,
    phase === 'held' ? colors.yellow(phase) : phase,
    filesCollected === undefined ? '' : String(filesCollected),
    filesFailed ? colors.red(failed) : failed,
    `${formatDuration(Date.now() - startTime.getTime())} ago`,
    workflowId,
  ];
}
