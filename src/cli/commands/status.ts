import type { WorkflowExecutionDescription } from '@temporalio/client';
import { type ExitCode, exitCodes } from '../../exit.js';
import type { PipelineProgress, PipelineReport } from '../../shared/pipeline-report.js';
import { searchAttributes } from '../../shared/search-attributes.js';
import { type Io, writeJson } from '../io.js';
import { formatDuration, formatStatus } from '../output/format.js';
import { type Line, writeLines } from '../output/lines.js';
import { isPipelineReport, reportLines } from '../output/report-lines.js';
import { describeRetry, nextStep } from '../output/status-text.js';
import { findPipeline } from '../temporal/find-pipelines.js';
import { uiLink, withTemporal } from '../temporal/session.js';
import { awaitResult, type WaitResult } from '../temporal/wait-for-result.js';
import { listPendingRetries, readProgress } from '../temporal/workflow-snapshot.js';

/** `status`: prints a pipeline's state, failures and next step. */
export async function statusCommand(
  io: Io,
  workflowId: string,
  { json }: { readonly json?: boolean },
): Promise<ExitCode> {
  return await withTemporal(io, async (session) => {
    const { handle, description } = await findPipeline(session, workflowId);
    const { runId, startTime, closeTime } = description;
    const status = formatStatus(description);
    const isRunning = status === 'running';
    const { failure, result }: WaitResult = isRunning ? { status: 'running' } : await awaitResult(handle);
    const progress = isPipelineReport(result) ? undefined : await readProgress(session, handle);
    const report = isPipelineReport(result) ? result : progress;
    const phase = toPhase(description, report);
    const pendingRetries = listPendingRetries(description, Date.now());
    const link = uiLink(session, workflowId);
    if (json) {
      const times = { startTime, closeTime };
      const state = { workflowId, runId, status, phase, ...times, uiLink: link };
      writeJson(io, { ...state, report, failure, pendingRetries });
      return exitCodes.done;
    }
    const help = isRunning
      ? nextStep({ description, progress, hasNoWorker: progress === undefined })
      : nextStepAfterEnd(description, report);
    writeLines(io.stdout, [
      { text: `pipeline   ${workflowId}` },
      { text: `status     ${phase === undefined || phase === 'done' ? status : `${status}, ${phase}`}` },
      {
        text: `started    ${startTime.toISOString()}, ${formatDuration(Date.now() - startTime.getTime())} ago`,
      },
      ...reportPart(io, report),
      ...pendingRetries.map((retry) => ({ text: `retry      ${describeRetry(retry)}` })),
      ...(failure ? [{ text: `${status}: ${failure.message}` }] : []),
      ...(link ? [{ text: `UI         ${link}` }] : []),
      ...(help ? [{ text: `next step  ${help}` }] : []),
    ]);
    return exitCodes.done;
  });
}

/** Only `rerun` helps an ended pipeline, and only if files are left to collect. */
function nextStepAfterEnd(
  { workflowId, status }: WorkflowExecutionDescription,
  report: PipelineReport | undefined,
): string | undefined {
  if (status.name === 'COMPLETED') return undefined;
  const { counts, jobs } = report ?? {};
  const isLeft = counts === undefined || counts.collected + counts.kept + counts.missing < counts.files;
  if (!isLeft && !jobs?.some(({ problem }) => problem)) return undefined;
  return `fix the cause, then run bctrl-temporal rerun ${workflowId}`;
}

/** The report's phase, or without a worker that of the search attributes. */
function toPhase(
  { typedSearchAttributes }: WorkflowExecutionDescription,
  report: PipelineReport | PipelineProgress | undefined,
): string | undefined {
  const phase = report && 'phase' in report ? report.phase : undefined;
  return phase ?? typedSearchAttributes.get(searchAttributes.phase);
}

function reportPart({ stdout }: Io, report: PipelineReport | undefined): Line[] {
  if (report) return reportLines(report, { output: stdout, onlyProblems: true });
  return [{ text: 'report     unavailable (no worker answered the query)' }];
}
