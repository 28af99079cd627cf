import { formatCount } from '../../shared/format-count.js';
import type { PipelineProgress } from '../../shared/pipeline-report.js';
import type { PendingRetry } from '../temporal/pending-retries.js';
import type { WorkflowSnapshot } from '../temporal/workflow-snapshot.js';
import { formatBytes } from './format-bytes.js';
import { formatDuration } from './format-duration.js';

/** What an operator has to do, if anything. */
export function nextStep({
  description,
  progress,
  hasNoWorker,
}: Pick<WorkflowSnapshot, 'description' | 'progress' | 'hasNoWorker'>): string | undefined {
  const { workflowId, taskQueue } = description;
  if (hasNoWorker) {
    return `no worker takes work from task queue "${taskQueue}": it waits for one (bctrl-temporal doctor)`;
  }
  if (progress?.phase === 'held') return `held: bctrl-temporal resume ${workflowId} (or abandon)`;
  return undefined;
}

export function describeRetry({ attempt, inMs, reason }: PendingRetry): string {
  return `attempt ${attempt} in ${formatDuration(inMs)} after ${reason}`;
}

/** Phase and counts, as in `collecting: 3 of 4 files, 1 failed, 1.0 kB`. */
export function describeProgress({ phase, counts, bytes }: PipelineProgress): string {
  if (phase === 'waiting') return 'waiting for the jobs';
  const { files, collected, kept, failed } = counts;
  const parts = [`${formatCount(collected + kept)} of ${formatCount(files)} files`];
  if (failed > 0) parts.push(`${formatCount(failed)} failed`);
  return `${phase}: ${parts.join(', ')}, ${formatBytes(bytes)}`;
}
