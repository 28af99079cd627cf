import type { CollectedFile } from '../shared/collect.js';
import { printable, shortPath } from '../shared/one-line.js';
import type { FileOutcome, PipelineReport } from '../shared/pipeline.js';
import { formatBytes } from './format-bytes.js';

/** A pipeline's report for a person: one line per job and file, then the counts. */
export function reportText({ jobs, files, counts, bytes }: PipelineReport): string {
  const width = Math.max(...files.map(({ runtimePath }) => shortPath(runtimePath).length));
  const lines = [
    ...jobs.map(({ id, status }) => `job        ${printable(id)} ${status}`),
    ...files.flatMap((file) => outcomeLines(file, width)),
  ];
  const parts = [`${counts.collected} of ${counts.files} files collected (${formatBytes(bytes)})`];
  if (counts.kept > 0) parts.push(`${counts.kept} kept`);
  if (counts.failed > 0) parts.push(`${counts.failed} failed`);
  return [...lines, parts.join(', ')].join('\n');
}

function outcomeLines(file: FileOutcome, width: number): string[] {
  const head = file.outcome.padEnd(9);
  if (file.outcome === 'failed') {
    const help = [
      ...(file.hint === undefined ? [] : [`hint: ${file.hint}`]),
      ...(file.requestId === undefined ? [] : [`request: ${file.requestId}`]),
    ];
    return [
      `${head}  ${file.reasonClass}: ${file.message}`,
      ...(help.length > 0 ? [`           ${help.join(', ')}`] : []),
    ];
  }
  const duplicates = file.duplicateIds === undefined ? '' : `, also there: ${file.duplicateIds.join(', ')}`;
  const size = formatBytes(file.sizeBytes).padStart(8);
  return [
    `${head}  ${shortPath(file.runtimePath).padEnd(width)}  ${size}  ${printable(file.path)}${duplicates}`,
  ];
}

/** A collected file for a person. */
export function fileText(file: CollectedFile): string {
  return `${file.kept ? 'kept' : 'collected'}  ${printable(file.name)}  ${formatBytes(file.sizeBytes)}  ${printable(file.path)}`;
}
