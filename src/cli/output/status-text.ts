import { formatCount } from '../../shared/display-text.js';
import type { PipelineProgress } from '../../shared/pipeline-report.js';
import type { PendingRetry, WorkflowSnapshot } from '../temporal/workflow-snapshot.js';
import { formatBytes, formatDuration } from './format.js';

/** What an operator has to do, if anything. */
export function nextStep({
  description: { workflowId, taskQueue },
  progress,
  hasNoWorker,
}: Pick<WorkflowSnapshot, 'description' | 'progress' | 'hasNoWorker'>): string | undefined {
  if (hasNoWorker) return `no worker polls task queue "${taskQueue}": start one (see bctrl-temporal doctor)`;
  if (progress?.phase === 'held') return `held: run bctrl-temporal resume ${workflowId} (or abandon)`;
  return undefined;
}

export function describeRetry({ attempt, inMs, reason }: PendingRetry): string {
  return `attempt ${attempt} in ${formatDuration(inMs)} after ${reason}`;
}

/** Phase and counts: `collecting: 3 of 4 files, 1 failed, 1.0 kB`. */
export function describeProgress({ phase, counts, bytes }: PipelineProgress): string {
  if (phase === 'waiting') return 'waiting for the jobs';
  const { files, collected, kept, failed } = counts;
  const parts = [`${formatCount(collected + kept)} of ${formatCount(files)} files`];
  if (failed > 0) parts.push(`${formatCount(failed)} failed`);
  return `${phase}: ${parts.join(', ')}, ${formatBytes(bytes)}`;
}
