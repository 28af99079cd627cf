import type { SearchAttributePair } from '@temporalio/common';
import { upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { PipelineProgress } from '../shared/pipeline-report.js';
import { searchAttributes } from '../shared/search-attributes.js';

/**
 * Sets the search attributes that the pipeline was started with, in one command, if any of them changes. Each command
 * is billed in Temporal Cloud: call it when the phase changes, not for every file.
 */
export function upsertPipelineSearchAttributes({ phase, runId, counts }: PipelineProgress): void {
  const { typedSearchAttributes: current } = workflowInfo();
  const wanted: SearchAttributePair[] = [
    { key: searchAttributes.phase, value: phase },
    { key: searchAttributes.filesCollected, value: counts.collected + counts.kept },
    { key: searchAttributes.filesFailed, value: counts.failed },
    ...(runId === undefined ? [] : [{ key: searchAttributes.runId, value: runId }]),
  ];
  const changed = wanted.filter(({ key, value }) => {
    const before = current.get(key);
    return before !== undefined && before !== value;
  });
  if (changed.length > 0) upsertSearchAttributes(changed);
}
