import type { WorkflowExecutionInfo } from '@temporalio/client';
import { type ExitCode, exitCodes } from '../../exit.js';
import type { PipelinePhase } from '../../shared/pipeline-report.js';
import { searchAttributes } from '../../shared/search-attributes.js';
import { type Io, writeJson } from '../io.js';
import { formatDuration, formatStatus } from '../output/format.js';
import { createStyle, type Style, tableLines, writeLines } from '../output/lines.js';
import { listPipelines } from '../temporal/find-pipelines.js';
import { type Session, uiLink, withTemporal } from '../temporal/session.js';

interface ListOptions {
  readonly phase?: PipelinePhase;
  readonly runtime?: string;
  readonly failed?: boolean;
  readonly held?: boolean;
  readonly running?: boolean;
  readonly limit: number;
  readonly json?: boolean;
}

type ListedPipeline = ReturnType<typeof toListed>;

/** `list`: lists the newest pipelines, with the values of their search attributes. */
export async function listCommand(
  io: Io,
  { phase, held, runtime, failed, running, limit, json }: ListOptions,
): Promise<ExitCode> {
  return await withTemporal(io, async (session) => {
    const filter = {
      phase: held ? ('held' as const) : phase,
      runtimeId: runtime,
      failed,
      // A pipeline that was terminated while held keeps its phase.
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
    else print(io, pipelines, hasMore);
    return exitCodes.done;
  });
}

function toListed(session: Session, info: WorkflowExecutionInfo) {
  const { workflowId, runId, startTime, closeTime, typedSearchAttributes: attributes } = info;
  return {
    workflowId,
    runId,
    status: formatStatus(info),
    phase: attributes.get(searchAttributes.phase),
    runtimeId: attributes.get(searchAttributes.runtimeId),
    filesCollected: attributes.get(searchAttributes.filesCollected),
    filesFailed: attributes.get(searchAttributes.filesFailed),
    startTime,
    closeTime,
    uiLink: uiLink(session, workflowId),
  };
}

function print({ stdout, stderr }: Io, pipelines: readonly ListedPipeline[], hasMore: boolean): void {
  if (pipelines.length === 0) {
    stderr.write('no pipelines found\n');
    return;
  }
  const style = createStyle(stdout);
  const head = ['STATUS', 'PHASE', 'COLLECTED', 'FAILED', 'STARTED', 'WORKFLOW ID'];
  writeLines(stdout, tableLines([head, ...pipelines.map((pipeline) => toRow(pipeline, style))]));
  if (hasMore) stderr.write('there are more pipelines (raise --limit)\n');
}

function toRow(pipeline: ListedPipeline, style: Style): string[] {
  const { status, phase = '', filesCollected, filesFailed, startTime, workflowId } = pipeline;
  const failed = filesFailed === undefined ? '' : String(filesFailed);
  return [
    status === 'failed' ? style('red', status) : status,
    phase === 'held' ? style('yellow', phase) : phase,
    filesCollected === undefined ? '' : String(filesCollected),
    filesFailed ? style('red', failed) : failed,
    `${formatDuration(Date.now() - startTime.getTime())} ago`,
    workflowId,
  ];
}
