import type { WorkflowExecutionDescription } from '@temporalio/client';
import { type ExitCode, exitCodes } from '../../exit.js';
import { truncateLine } from '../../shared/display-text.js';
import type { PipelineReport } from '../../shared/pipeline-report.js';
import { searchAttributes } from '../../shared/search-attributes.js';
import { type Io, writeJson } from '../io.js';
import { formatDuration, formatStatus } from '../output/format.js';
import { type Line, writeLines } from '../output/lines.js';
import { isPipelineReport, reportLines } from '../output/report-lines.js';
import { describeRetry, nextStep, nextStepAfterEnd, nextStepLine } from '../output/status-text.js';
import { findPipeline } from '../temporal/find-pipelines.js';
import type { ShownProgress } from '../temporal/running-batches.js';
import { uiLink, withTemporal } from '../temporal/session.js';
import { readTaskFailure, type TaskFailure } from '../temporal/task-failure.js';
import { awaitResult, type WaitResult } from '../temporal/wait-for-result.js';
import { listPendingRetries, type PendingRetry, readProgress } from '../temporal/workflow-snapshot.js';

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
    const pendingRetries = await listPendingRetries(session, description, Date.now());
    const taskFailure = await readTaskFailure(session, description);
    const link = uiLink(session, workflowId);
    if (json) {
      const times = { startTime, closeTime };
      const state = { workflowId, runId, status, phase, ...times, uiLink: link };
      writeJson(io, { ...state, report, failure, pendingRetries, taskFailure });
      return exitCodes.done;
    }
    const step = isRunning
      ? nextStep({
          description,
          progress,
          hasNoWorker: progress === undefined && taskFailure?.reason === undefined,
        })
      : nextStepAfterEnd(description, { report, failureType: failure?.type });
    const phaseAndStep = [phase === 'done' ? undefined : phase, progress?.step];
    writeLines(io.stdout, [
      { text: 'pipeline ', suffix: workflowId },
      { text: `status     ${[status, ...phaseAndStep].filter((text) => text !== undefined).join(', ')}` },
      {
        text: `started    ${startTime.toISOString()}, ${formatDuration(Date.now() - startTime.getTime())} ago`,
      },
      ...reportPart(io, report),
      ...pendingRetries.map(retryLine),
      ...(taskFailure ? [taskFailureLine(taskFailure)] : []),
      ...(failure ? [{ text: `${status}: ${failure.message}` }] : []),
      ...(link ? [{ text: 'UI       ', suffix: link }] : []),
      ...(step ? [nextStepLine(step)] : []),
    ]);
    return exitCodes.done;
  });
}

/** The report's phase, or without a worker that of the search attributes. */
function toPhase(
  { typedSearchAttributes }: WorkflowExecutionDescription,
  report: PipelineReport | ShownProgress | undefined,
): string | undefined {
  const phase = report && 'phase' in report ? report.phase : undefined;
  return phase ?? typedSearchAttributes.get(searchAttributes.phase);
}

/** The line wraps, so that it has room for the end of the retries too. */
function retryLine(retry: PendingRetry): Line {
  const { givesUpInMs } = retry;
  const end = givesUpInMs === undefined ? '' : ` (gives up in ${formatDuration(givesUpInMs)})`;
  return { text: `retry      ${describeRetry(retry)}${end}` };
}

function taskFailureLine({ attempt, reason }: TaskFailure): Line {
  const cause = reason === undefined ? 'a timeout' : truncateLine(reason);
  return { text: `stuck      attempt ${attempt} of its workflow task after ${cause}` };
}

function reportPart({ stdout }: Io, report: PipelineReport | undefined): Line[] {
  if (report) return reportLines(report, { output: stdout, onlyProblems: true });
  return [{ text: 'report     unavailable (no worker answered the query)' }];
}
