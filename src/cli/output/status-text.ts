import type { WorkflowExecutionDescription } from '@temporalio/client';
import { formatCount } from '../../shared/display-text.js';
import type { PipelineProgress, PipelineReport } from '../../shared/pipeline-report.js';
import type { ShownProgress } from '../temporal/running-batches.js';
import type { PendingRetry, WorkflowSnapshot } from '../temporal/workflow-snapshot.js';
import { toCommand } from './command.js';
import { formatBytes, formatDuration } from './format.js';
import type { Line } from './lines.js';

/** What an operator has to do, if anything: why, and the command. The command is never cut or broken. */
export interface NextStep {
  readonly text: string;
  readonly command: string;
}

/** The next step for a workflow that has not ended. */
export function nextStep({
  description: { workflowId, taskQueue },
  progress,
  hasNoWorker,
}: Pick<WorkflowSnapshot, 'description' | 'progress' | 'hasNoWorker'>): NextStep | undefined {
  if (!hasNoWorker) return nextStepOf(workflowId, progress);
  const text = `no worker polls task queue "${taskQueue}": start one, and check with`;
  return { text, command: toCommand('doctor') };
}

/** The next step for a pipeline that has not ended, and whose worker answers. */
export function nextStepOf(
  workflowId: string,
  progress: Pick<PipelineProgress, 'phase' | 'waitingForSignal'> | undefined,
): NextStep | undefined {
  if (progress?.phase === 'held') {
    const text = 'held: fix the cause, then run this (or abandon)';
    return { text, command: toCommand('resume', workflowId) };
  }
  if (progress?.waitingForSignal) {
    const text = 'waits for a signal: when the job has ended, run';
    return { text, command: toCommand('job-finished', workflowId) };
  }
  return undefined;
}

interface Ended {
  readonly report: PipelineReport | undefined;
  readonly failureType: string | undefined;
}

/** The next step for a pipeline that has ended: only `rerun` helps, and only if files are left to collect. */
export function nextStepAfterEnd(
  { workflowId, status }: Pick<WorkflowExecutionDescription, 'workflowId' | 'status'>,
  { report, failureType }: Ended,
): NextStep | undefined {
  if (status.name === 'COMPLETED') return undefined;
  // A pipeline with a wrong input has not begun.
  if (report === undefined && failureType === 'invalid_input') return undefined;
  const { counts, jobs } = report ?? {};
  const isLeft = counts === undefined || counts.collected + counts.kept + counts.missing < counts.files;
  if (!isLeft && !jobs?.some(({ problem }) => problem)) return undefined;
  const isDecided = status.name === 'CANCELLED' || status.name === 'TERMINATED';
  const text = isDecided ? 'to collect the rest, run' : 'fix the cause, then run';
  return { text, command: toCommand('rerun', workflowId) };
}

export function nextStepLine({ text, command }: NextStep): Line {
  return { text: `next step  ${text}`, suffix: command };
}

export function describeRetry({ attempt, inMs, reason }: PendingRetry): string {
  return `attempt ${attempt} in ${formatDuration(inMs)} after ${reason}`;
}

/** Phase and counts: `collecting: 3 of 4 files, 1 failed, 1.0 kB`. */
export function describeProgress({ phase, step, counts, bytes }: ShownProgress): string {
  if (phase === 'waiting') return 'waiting for the jobs';
  const { files, collected, kept, failed } = counts;
  const parts = [`${formatCount(collected + kept)} of ${formatCount(files)} files`];
  if (failed > 0) parts.push(`${formatCount(failed)} failed`);
  return `${step ?? phase}: ${parts.join(', ')}, ${formatBytes(bytes)}`;
}

/** Removes method and path: a line has room for the response only. */
export function withoutRequest(text: string): string {
  return text.replace(/(^| )(GET|POST) \S+ ?/, '$1');
}
