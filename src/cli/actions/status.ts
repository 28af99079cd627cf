import type { WorkflowExecutionDescription } from '@temporalio/client';
import { type ExitCode, exitCodes } from '../../exit.js';
import type { PipelineProgress, PipelineReport } from '../../shared/pipeline-report.js';
import { searchAttributes } from '../../shared/search-attributes.js';
import { type Io, writeJson } from '../io.js';
import { formatDuration } from '../show/format-duration.js';
import { colorsOf, columnsOf, type Line, writeLines } from '../show/lines.js';
import { reportLines } from '../show/report-lines.js';
import { statusOf } from '../show/status-of.js';
import { describeRetry, nextStep } from '../show/status-text.js';
import { type Summary, summarize } from '../show/summarize.js';
import { awaitResult } from '../temporal/await-result.js';
import { withTemporal } from '../temporal/connect.js';
import { findPipeline } from '../temporal/find-workflow.js';
import { pendingRetries as pendingRetriesOf } from '../temporal/pending-retries.js';
import { uiLink } from '../temporal/ui-link.js';
import { readProgress } from '../temporal/workflow-snapshot.js';

/** `status`: how a pipeline is, what has failed, and what can be done. */
export async function statusCommand(
  io: Io,
  workflowId: string,
  { json }: { readonly json?: boolean },
): Promise<ExitCode> {
  return await withTemporal(async (session) => {
    const { handle, description } = await findPipeline(session, workflowId);
    const isRunning = description.status.name === 'RUNNING';
    const { failure, result }: Summary = isRunning
      ? { status: 'running' }
      : summarize(await awaitResult(handle));
    const report = (result ?? (await readProgress(session, handle))) as PipelineProgress | undefined;
    const pendingRetries = pendingRetriesOf(description, Date.now());
    const link = uiLink(session.config, workflowId);
    const phase = phaseOf(description, report);
    if (json) {
      const { runId, startTime, closeTime } = description;
      const status = statusOf(description);
      const times = { startTime, closeTime };
      writeJson(io, {
        workflowId,
        runId,
        status,
        phase,
        ...times,
        uiLink: link,
        report,
        failure,
        pendingRetries,
      });
      return exitCodes.done;
    }
    writeLines(io.stdout, [
      ...headLines(description, phase),
      ...reportPart(io, report),
      ...pendingRetries.map((retry) => ({ text: `retry      ${describeRetry(retry)}` })),
      ...(failure === undefined ? [] : [{ text: `${statusOf(description)}: ${failure.message}` }]),
      ...(link === undefined ? [] : [{ text: `UI         ${link}` }]),
      // Nobody has answered in time.
      ...(isRunning ? helpLines({ description, progress: report, hasNoWorker: report === undefined }) : []),
    ]);
    return exitCodes.done;
  });
}

/** Without a worker to ask, as the search attributes say. */
function phaseOf(
  { typedSearchAttributes }: WorkflowExecutionDescription,
  report: PipelineProgress | undefined,
): string | undefined {
  return report?.phase ?? typedSearchAttributes.get(searchAttributes.phase);
}

function headLines(description: WorkflowExecutionDescription, phase: string | undefined): Line[] {
  const { workflowId, startTime } = description;
  const status = statusOf(description);
  const ago = formatDuration(Date.now() - startTime.getTime());
  return [
    { text: `pipeline   ${workflowId}` },
    { text: `status     ${phase === undefined || phase === 'done' ? status : `${status}, ${phase}`}` },
    { text: `started    ${startTime.toISOString()}, ${ago} ago` },
  ];
}

function reportPart(io: Io, report: PipelineReport | undefined): Line[] {
  if (report === undefined) return [{ text: `report     no worker has told` }];
  return reportLines(report, {
    colors: colorsOf(io.stdout),
    columns: columnsOf(io.stdout),
    onlyProblems: true,
  });
}

function helpLines(snapshot: Parameters<typeof nextStep>[0]): Line[] {
  const help = nextStep(snapshot);
  return help === undefined ? [] : [{ text: `what now   ${help}` }];
}
