import type { CollectedFile } from '../shared/collect.js';
import { printable, shortPath } from '../shared/one-line.js';
import type { FileOutcome, JobOutcome, PipelineReport, Problem } from '../shared/pipeline-report.js';
import { formatBytes } from './format-bytes.js';

/** Below what a line is about. */
const INDENT = ' '.repeat(11);

/** A pipeline's report for a person: one line per job, file and step of the finish, then the counts. */
export function reportText(report: PipelineReport): string {
  const width = Math.max(0, ...report.files.map(({ runtimePath }) => shortPath(runtimePath).length));
  return [
    ...report.jobs.flatMap(jobLines),
    ...report.files.flatMap((file) => fileLines(file, width)),
    ...moreFilesLines(report),
    ...finishLines(report),
    countsText(report),
  ].join('\n');
}

function jobLines({ id, status, problem, error }: JobOutcome): string[] {
  const head = `job        ${printable(id)} ${status}`;
  if (problem !== undefined) return [head, `${INDENT}${problemText(problem)}`, ...helpLines(problem)];
  return error ? [head, `${INDENT}${printable(`${error.code}: ${error.message}`)}`] : [head];
}

function fileLines(file: FileOutcome, width: number): string[] {
  const head = file.outcome.padEnd(9);
  const path = shortPath(file.runtimePath).padEnd(width);
  switch (file.outcome) {
    case 'failed':
      return [`${head}  ${problemText(file)}`, ...helpLines(file)];
    case 'missing':
      return [`${head}  ${path}`];
    case 'skipped':
      return [`${head}  ${path}  ${file.reason}`];
    default: {
      const duplicates =
        file.duplicateIds === undefined ? '' : `, also there: ${file.duplicateIds.join(', ')}`;
      const size = formatBytes(file.sizeBytes).padStart(8);
      return [`${head}  ${path}  ${size}  ${printable(file.path)}${duplicates}`];
    }
  }
}

/** A report does not list them all; what may be missing need not be told. */
function moreFilesLines({ counts, files }: PipelineReport): string[] {
  const listed = files.filter(({ outcome }) => outcome !== 'missing').length;
  const more = counts.collected + counts.kept + counts.skipped + counts.failed - listed;
  return more > 0 ? [`and        ${more} more files`] : [];
}

function finishLines({ exportArchive, stopRuntime, next }: PipelineReport): string[] {
  const steps = { archive: exportArchive, runtime: stopRuntime, next };
  return Object.entries(steps).flatMap(([name, step]) => {
    if (step === undefined) return [];
    const head = `${name.padEnd(9)}  ${step.outcome}`;
    switch (step.outcome) {
      case 'failed':
        return [`${head}: ${problemText(step)}`, ...helpLines(step)];
      case 'skipped':
        return [`${head}: ${step.reason}`];
      case 'exported':
        return [`${head} ${formatBytes(step.sizeBytes)}  ${printable(step.path)}`];
      case 'started':
        return [`${head} ${printable(step.workflowId)}`];
      default:
        return [head];
    }
  });
}

function problemText({ reasonClass, message }: Problem): string {
  return reasonClass === undefined ? message : `${reasonClass}: ${message}`;
}

function helpLines({ hint, requestId }: Problem): string[] {
  const help = [
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
    ...(requestId === undefined ? [] : [`request: ${requestId}`]),
  ];
  return help.length > 0 ? [`${INDENT}${help.join(', ')}`] : [];
}

function countsText({ counts, bytes }: PipelineReport): string {
  const others = (['kept', 'missing', 'skipped', 'failed'] as const)
    .filter((kind) => counts[kind] > 0)
    .map((kind) => `${counts[kind]} ${kind}`);
  return [`${counts.collected} of ${counts.files} files collected (${formatBytes(bytes)})`, ...others].join(
    ', ',
  );
}

/** A collected file for a person. */
export function fileText(file: CollectedFile): string {
  return `${file.kept ? 'kept' : 'collected'}  ${printable(file.name)}  ${formatBytes(file.sizeBytes)}  ${printable(file.path)}`;
}
