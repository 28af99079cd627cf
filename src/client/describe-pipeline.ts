import type { SearchAttributePair } from '@temporalio/common';
import {
  formatCount,
  formatCountOf,
  isPlainMarkdown,
  toCodeSpan,
  toTemporalUiMarkdown,
  truncateLine,
  truncatePath,
} from '../shared/display-text.js';
import type { ParsedPipelineInput } from '../shared/pipeline-input.js';
import type { PipelinePhase } from '../shared/pipeline-report.js';
import { searchAttributes } from '../shared/search-attributes.js';

/** Jobs and files in the details, each: with the longest paths they stay under the 20,000 bytes that Temporal allows. */
const MAX_LISTED = 20;

export interface PipelineDescription {
  readonly summary: string;
  readonly details: string;
  readonly searchAttributes: SearchAttributePair[];
}

/** How the Temporal UI shows a pipeline from its start, and the search attributes it starts with. */
export function describePipeline(input: ParsedPipelineInput): PipelineDescription {
  const { runtimeId, account, files, waitFor, rerunOf } = input;
  const phase: PipelinePhase = waitFor === undefined ? 'collecting' : 'waiting';
  const ofAccount = account === undefined ? '' : `, account ${account}`;
  const again = rerunOf === undefined ? '' : ', again';
  const count = formatCountOf(files.length, 'file');
  const summary = truncateLine(`${count} of runtime ${runtimeId}${ofAccount}${again}`);
  return {
    summary: [runtimeId, account ?? 'a'].every(isPlainMarkdown) ? summary : toCodeSpan(summary),
    details: toDetails(input),
    // A pipeline updates only search attributes that it was started with.
    searchAttributes: [
      { key: searchAttributes.runtimeId, value: runtimeId },
      { key: searchAttributes.runId, value: '' },
      { key: searchAttributes.phase, value: phase },
      { key: searchAttributes.filesCollected, value: 0 },
      { key: searchAttributes.filesFailed, value: 0 },
    ],
  };
}

function toDetails({ runtimeId, account, waitFor, files, rerunOf }: ParsedPipelineInput): string {
  const ids = waitFor?.invocationIds ?? [];
  const paths = files.map(({ runtimePath }) => runtimePath);
  return toTemporalUiMarkdown([
    `Runtime ${toCodeSpan(truncatePath(runtimeId))}`,
    ...(account === undefined ? [] : ['', `Account ${toCodeSpan(truncatePath(account))}`]),
    ...(rerunOf === undefined
      ? []
      : ['', `Files that run ${toCodeSpan(truncatePath(rerunOf))} did not collect`]),
    ...toSection('After the jobs', ids),
    ...(waitFor?.signal ? ['', 'After the signal `jobFinished`'] : []),
    ...toSection('Files', paths),
  ]);
}

function toSection(title: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const listed = names.slice(0, MAX_LISTED).map((name) => `- ${toCodeSpan(truncatePath(name))}`);
  const more = names.length - listed.length;
  return ['', title, '', ...listed, ...(more > 0 ? [`- and ${formatCount(more)} more`] : [])];
}
