import stringWidth from 'string-width';
import type { CollectedFile } from '../../shared/collect.js';
import {
  formatCount,
  formatCountOf,
  stripControlCharacters,
  truncatePath,
} from '../../shared/display-text.js';
import { describeFailureGroup, type FailureGroup, groupFailures } from '../../shared/group-failures.js';
import type { FileOutcome, JobOutcome, PipelineReport, Problem } from '../../shared/pipeline-report.js';
import type { Output } from '../io.js';
import { formatBytes } from './format.js';
import { createStyle, INDENT, type Line, pad, type Style, terminalColumns, truncate } from './lines.js';

/** About a screenful. Failed files do not count: all of them are listed. */
const MAX_FILES = 50;

export interface ReportView {
  /** Decides on colors, and on the width that the paths of a file share. */
  readonly output: Output;
  /** List every file of the report. */
  readonly all?: boolean | undefined;
  /** Leave out files that are stored. */
  readonly onlyProblems?: boolean;
}

/** Lines for the result of a workflow; none for a result that is neither a report nor a file. */
export function resultLines(result: unknown, view: ReportView): Line[] {
  if (isPipelineReport(result)) return reportLines(result, view);
  return isCollectedFile(result) ? fileResultLines(result, view) : [];
}

/** Whether a result has the parts of a report that are printed: the worker may be of another version. */
export function isPipelineReport(result: unknown): result is PipelineReport {
  if (typeof result !== 'object' || result === null || !('counts' in result)) return false;
  return ['jobs', 'files', 'warnings'].every((name) => Array.isArray(Reflect.get(result, name)));
}

function isCollectedFile(result: unknown): result is CollectedFile {
  return typeof result === 'object' && result !== null && 'id' in result && typeof result.id === 'string';
}

const outcomeColors = {
  collected: 'green',
  kept: 'green',
  missing: 'yellow',
  skipped: 'yellow',
  failed: 'red',
} as const;

/** Formats a pipeline's report: a line for each job, file, finish step and warning, then the counts. */
export function reportLines(report: PipelineReport, view: ReportView): Line[] {
  const style = createStyle(view.output);
  const files = selectShown(report.files, view);
  const widths = pathWidths(files, terminalColumns(view.output));
  return [
    ...report.jobs.flatMap((job) => jobLines(job, style)),
    ...toShownFiles(files, view).flatMap((file) => fileLines(file, widths, style)),
    ...(view.onlyProblems ? moreFailedLines(report) : moreFilesLines(report, files)),
    ...finishLines(report, style),
    ...warningLines(report, style),
    { text: countsText(report) },
  ];
}

function selectShown(
  files: readonly FileOutcome[],
  { all, onlyProblems }: ReportView,
): readonly FileOutcome[] {
  if (onlyProblems) return files.filter(({ outcome }) => outcome !== 'collected' && outcome !== 'kept');
  let room = all ? Number.POSITIVE_INFINITY : MAX_FILES;
  return files.filter(({ outcome }) => {
    if (outcome !== 'failed') room -= 1;
    return outcome === 'failed' || room >= 0;
  });
}

function jobLines({ id, status, problem, error }: JobOutcome, style: Style): Line[] {
  const head = { text: `job        ${stripControlCharacters(id)} ${status}` };
  if (problem !== undefined) {
    return [head, { text: `${INDENT}${style('red', problemText(problem))}` }, ...helpLines(problem)];
  }
  const detail = [error?.code, error?.message].filter((text) => text !== undefined).join(': ');
  return detail === '' ? [head] : [head, { text: `${INDENT}${stripControlCharacters(detail)}` }];
}

interface PathWidths {
  readonly source: number;
  readonly destination: number;
}

/** Width of a file's line without its two paths: outcome, size and spaces. */
const OTHER_COLUMNS = 23;

function pathWidths(files: readonly FileOutcome[], columns: number | undefined): PathWidths {
  const longest = Math.max(0, ...files.map(({ runtimePath }) => stringWidth(truncatePath(runtimePath))));
  if (columns === undefined) return { source: longest, destination: Number.POSITIVE_INFINITY };
  const room = Math.max(columns - OTHER_COLUMNS, OTHER_COLUMNS);
  const source = Math.min(longest, Math.ceil(room / 2));
  return { source, destination: room - source };
}

/** Cuts the start of a path: its end says more. */
const fitPath = (path: string, width: number) =>
  stringWidth(path) > width ? truncate(path, width, 'start') : path;

interface ShownFile {
  readonly file: FileOutcome;
  /** Files that failed for the same cause, of which this is the first. */
  readonly count: number;
}

/** Leaves out files that failed for the same cause as an earlier one. */
function toShownFiles(files: readonly FileOutcome[], { all }: ReportView): ShownFile[] {
  if (all) return files.map((file) => ({ file, count: 1 }));
  const groups = groupFailures(files.filter((file) => file.outcome === 'failed'));
  const counts = new Map<FileOutcome, number>(groups.map(({ first, count }) => [first, count]));
  return files.flatMap((file) => {
    const count = file.outcome === 'failed' ? counts.get(file) : 1;
    return count === undefined ? [] : [{ file, count }];
  });
}

function fileLines({ file, count }: ShownFile, widths: PathWidths, style: Style): Line[] {
  const head = style(outcomeColors[file.outcome], file.outcome.padEnd(9));
  const path = pad(fitPath(truncatePath(file.runtimePath), widths.source), widths.source);
  switch (file.outcome) {
    case 'failed':
      return [{ text: `${head}  ${failureText({ count, first: file })}` }, ...helpLines(file)];
    case 'missing':
      return [{ text: `${head}  ${path}` }];
    case 'skipped':
      return [{ text: `${head}  ${path}  ${file.reason}` }];
    default: {
      const size = sizeText(file.sizeBytes).padStart(8);
      const destination = fitPath(stripControlCharacters(file.path ?? file.fileId), widths.destination);
      return [{ text: `${head}  ${path}  ${size}  ${destination}${duplicatesText(file.duplicateIds)}` }];
    }
  }
}

/** Missing files do not count as "more": the report may leave them out on purpose. */
function moreFilesLines({ counts, files }: PipelineReport, shown: readonly FileOutcome[]): Line[] {
  const countPresent = (outcomes: readonly FileOutcome[]) =>
    outcomes.filter(({ outcome }) => outcome !== 'missing').length;
  const more = counts.collected + counts.kept + counts.skipped + counts.failed - countPresent(shown);
  if (more <= 0) return [];
  const hidden = countPresent(files) - countPresent(shown);
  const help = hidden > 0 ? ` (--all lists ${formatCount(hidden)} of them)` : '';
  return [{ text: `and        ${formatCount(more)} more files${help}` }];
}

/** The report lists only some of very many failed files. */
function moreFailedLines({ counts, files }: PipelineReport): Line[] {
  const more = counts.failed - files.filter(({ outcome }) => outcome === 'failed').length;
  return more > 0 ? [{ text: `and        ${formatCountOf(more, 'more failed file')}` }] : [];
}

/** Leaves out warnings about missing files, which have lines of their own. */
function warningLines({ warnings }: PipelineReport, style: Style): Line[] {
  return warnings
    .filter((warning) => !warning.startsWith('missing: '))
    .map((warning) => warningLine(stripControlCharacters(warning), style));
}

function warningLine(warning: string, style: Style): Line {
  return { text: `${style('yellow', 'warning')}    ${warning}` };
}

function finishLines({ exportArchive, stopRuntime, next, onClose }: PipelineReport, style: Style): Line[] {
  const steps = { archive: exportArchive, runtime: stopRuntime, next, onClose };
  return Object.entries(steps).flatMap(([name, step]) => {
    if (step === undefined) return [];
    const help = step.outcome === 'failed' ? helpLines(step) : [];
    return [{ text: `${name.padEnd(9)}  ${stepText(step, style)}` }, ...help];
  });
}

type Step = NonNullable<PipelineReport['exportArchive' | 'stopRuntime' | 'next']>;

function stepText(step: Step, style: Style): string {
  switch (step.outcome) {
    case 'failed':
      return `${style('red', 'failed')}: ${problemText(step)}`;
    case 'skipped':
      return `skipped: ${step.reason}`;
    case 'exported':
      return `exported ${sizeText(step.sizeBytes)}  ${stripControlCharacters(step.path ?? step.fileId)}`;
    case 'started':
      return `started ${stripControlCharacters(step.workflowId)}`;
    default:
      return step.outcome;
  }
}

/** `unauthorized: a.txt: POST … returned 401 …`, or `unauthorized ×88: 401 …, e.g. out/13.txt`. */
export function failureText(group: FailureGroup): string {
  const text = describeFailureGroup(group);
  return `${group.first.reasonClass}${group.count === 1 ? ': ' : ' '}${text}`;
}

function problemText({ reasonClass, message }: Problem): string {
  return reasonClass === undefined ? message : `${reasonClass}: ${message}`;
}

function helpLines({ hint, requestId }: Problem): Line[] {
  const help = [hint && `hint: ${hint}`, requestId && `request: ${requestId}`].filter(Boolean);
  return help.length > 0 ? [{ text: `${INDENT}${help.join(', ')}` }] : [];
}

/** Counts that are zero are left out, except for the collected files. */
export function countsText({ counts, bytes }: Pick<PipelineReport, 'counts' | 'bytes'>): string {
  const others = (['kept', 'missing', 'skipped', 'failed'] as const)
    .filter((kind) => counts[kind] > 0)
    .map((kind) => `${formatCount(counts[kind])} ${kind}`);
  const collected = `${formatCount(counts.collected)} of ${formatCount(counts.files)} files collected`;
  return [`${collected} (${formatBytes(bytes)})`, ...others].join(', ');
}

/** Formats the result of a workflow that collects a single file. */
export function fileResultLines(file: CollectedFile, { output }: ReportView): Line[] {
  const style = createStyle(output);
  const head = style('green', file.kept ? 'kept' : 'collected');
  const { id, name = id, path = id, sizeBytes, duplicateIds, unverified } = file;
  const [shownName, shownPath] = [name, path].map(stripControlCharacters);
  const text = `${head}  ${shownName}  ${sizeText(sizeBytes)}  ${shownPath}${duplicatesText(duplicateIds)}`;
  const doubt = 'the file may exist more than once: the last lookup failed';
  return [{ text }, ...(unverified ? [warningLine(doubt, style)] : [])];
}

function duplicatesText(ids: readonly string[] | undefined): string {
  return ids === undefined ? '' : `, duplicates: ${ids.join(', ')}`;
}

/** The API may not say the size. */
function sizeText(sizeBytes: number | undefined): string {
  return sizeBytes === undefined ? '? B' : formatBytes(sizeBytes);
}
