import stringWidth from 'string-width';
import type { CollectedFile } from '../../shared/collect.js';
import { formatCount } from '../../shared/format-count.js';
import type { FileOutcome, JobOutcome, PipelineReport, Problem } from '../../shared/pipeline-report.js';
import { stripControlCharacters, truncatePath } from '../../shared/truncate-line.js';
import { formatBytes } from './format-bytes.js';
import { type Colors, INDENT, type Line, truncate } from './lines.js';

/** So many files are read on a screen; failures are listed all. */
const MOST_FILES = 50;

export interface ReportView {
  readonly colors: Colors;
  /** Of the terminal: the paths of a file share what else leaves. */
  readonly columns?: number | undefined;
  /** List every file that the report lists. */
  readonly all?: boolean | undefined;
  /** Leave out the files that are there. */
  readonly onlyProblems?: boolean;
}

const colorNames: Readonly<Record<FileOutcome['outcome'], keyof Colors & ('green' | 'yellow' | 'red')>> = {
  collected: 'green',
  kept: 'green',
  missing: 'yellow',
  skipped: 'yellow',
  failed: 'red',
};

/** A pipeline's report for a person: one line per job, file and step of the finish, then the counts. */
export function reportLines(report: PipelineReport, view: ReportView): Line[] {
  const files = selectShown(report.files, view);
  const widths = pathWidths(files, view.columns);
  return [
    ...report.jobs.flatMap((job) => jobLines(job, view.colors)),
    ...files.flatMap((file) => fileLines(file, widths, view.colors)),
    ...(view.onlyProblems ? [] : moreFilesLines(report, files)),
    ...finishLines(report, view.colors),
    ...warningLines(report, view.colors),
    { text: countsText(report) },
  ];
}

function selectShown(
  files: readonly FileOutcome[],
  { all, onlyProblems }: ReportView,
): readonly FileOutcome[] {
  if (onlyProblems) return files.filter(({ outcome }) => outcome !== 'collected' && outcome !== 'kept');
  let room = all ? Number.POSITIVE_INFINITY : MOST_FILES;
  return files.filter(({ outcome }) => {
    if (outcome !== 'failed') room -= 1;
    return outcome === 'failed' || room >= 0;
  });
}

function jobLines({ id, status, problem, error }: JobOutcome, colors: Colors): Line[] {
  const head = { text: `job        ${stripControlCharacters(id)} ${status}` };
  if (problem !== undefined) {
    return [head, { text: `${INDENT}${colors.red(problemText(problem))}` }, ...helpLines(problem)];
  }
  const said = [error?.code, error?.message].filter((text) => text !== undefined).join(': ');
  return said === '' ? [head] : [head, { text: `${INDENT}${stripControlCharacters(said)}` }];
}

interface PathWidths {
  readonly source: number;
  readonly destination: number;
}

/** Beside the paths: outcome and size, and what is between. */
const OTHER_COLUMNS = 23;

function pathWidths(files: readonly FileOutcome[], columns: number | undefined): PathWidths {
  const longest = Math.max(0, ...files.map(({ runtimePath }) => stringWidth(truncatePath(runtimePath))));
  if (columns === undefined) return { source: longest, destination: Number.POSITIVE_INFINITY };
  const room = Math.max(columns - OTHER_COLUMNS, OTHER_COLUMNS);
  const source = Math.min(longest, Math.ceil(room / 2));
  return { source, destination: room - source };
}

/** The end of a path tells more than its beginning. */
const fitPath = (path: string, width: number) =>
  stringWidth(path) > width ? truncate(path, width, 'start') : path;

function fileLines(file: FileOutcome, widths: PathWidths, colors: Colors): Line[] {
  const head = colors[colorNames[file.outcome]](file.outcome.padEnd(9));
  const whole = fitPath(truncatePath(file.runtimePath), widths.source);
  const path = whole + ' '.repeat(widths.source - stringWidth(whole));
  switch (file.outcome) {
    case 'failed':
      return [{ text: `${head}  ${problemText(file)}` }, ...helpLines(file)];
    case 'missing':
      return [{ text: `${head}  ${path}` }];
    case 'skipped':
      return [{ text: `${head}  ${path}  ${file.reason}` }];
    default: {
      const size = sizeText(file.sizeBytes).padStart(8);
      const destination = fitPath(stripControlCharacters(file.path ?? file.fileId), widths.destination);
      const text = `${head}  ${path}  ${size}  ${destination}`;
      if (file.duplicateIds === undefined) return [{ text }];
      return [{ text: `${text}, also there: ${file.duplicateIds.join(', ')}` }];
    }
  }
}

/** What may be missing need not be told. */
function moreFilesLines({ counts, files }: PipelineReport, shown: readonly FileOutcome[]): Line[] {
  const told = (outcomes: readonly FileOutcome[]) =>
    outcomes.filter(({ outcome }) => outcome !== 'missing').length;
  const more = counts.collected + counts.kept + counts.skipped + counts.failed - told(shown);
  if (more <= 0) return [];
  const hidden = told(files) - told(shown);
  const help = hidden > 0 ? ` (--all lists ${formatCount(hidden)} of them)` : '';
  return [{ text: `and        ${formatCount(more)} more files${help}` }];
}

/** A missing file has a line of its own. */
function warningLines({ warnings }: PipelineReport, colors: Colors): Line[] {
  return warnings
    .filter((warning) => !warning.startsWith('missing: '))
    .map((warning) => ({ text: `${colors.yellow('warning')}    ${stripControlCharacters(warning)}` }));
}

function finishLines({ exportArchive, stopRuntime, next }: PipelineReport, colors: Colors): Line[] {
  const steps = { archive: exportArchive, runtime: stopRuntime, next };
  return Object.entries(steps).flatMap(([name, step]) => {
    if (step === undefined) return [];
    const head = name.padEnd(9);
    switch (step.outcome) {
      case 'failed':
        return [{ text: `${head}  ${colors.red('failed')}: ${problemText(step)}` }, ...helpLines(step)];
      case 'skipped':
        return [{ text: `${head}  skipped: ${step.reason}` }];
      case 'exported':
        return [
          {
            text: `${head}  exported ${sizeText(step.sizeBytes)}  ${stripControlCharacters(step.path ?? step.fileId)}`,
          },
        ];
      case 'started':
        return [{ text: `${head}  started ${stripControlCharacters(step.workflowId)}` }];
      default:
        return [{ text: `${head}  ${step.outcome}` }];
    }
  });
}

function problemText({ reasonClass, message }: Problem): string {
  return reasonClass === undefined ? message : `${reasonClass}: ${message}`;
}

function helpLines({ hint, requestId }: Problem): Line[] {
  const help = [
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
    ...(requestId === undefined ? [] : [`request: ${requestId}`]),
  ];
  return help.length > 0 ? [{ text: `${INDENT}${help.join(', ')}` }] : [];
}

/** The counts in one line; those that are zero are left out. */
function countsText({ counts, bytes }: Pick<PipelineReport, 'counts' | 'bytes'>): string {
  const others = (['kept', 'missing', 'skipped', 'failed'] as const)
    .filter((kind) => counts[kind] > 0)
    .map((kind) => `${formatCount(counts[kind])} ${kind}`);
  const collected = `${formatCount(counts.collected)} of ${formatCount(counts.files)} files collected`;
  return [`${collected} (${formatBytes(bytes)})`, ...others].join(', ');
}

/** A collected file for a person. */
export function fileResultLines(file: CollectedFile, { colors }: ReportView): Line[] {
  const head = colors.green(file.kept ? 'kept' : 'collected');
  const { id, name = id, path = id, sizeBytes, duplicateIds, unverified } = file;
  const others = duplicateIds === undefined ? '' : `, also there: ${duplicateIds.join(', ')}`;
  const text = `${head}  ${stripControlCharacters(name)}  ${sizeText(sizeBytes)}  ${stripControlCharacters(path)}${others}`;
  const doubt = {
    text: `${colors.yellow('warning')}    it may be there more than once: the last look failed`,
  };
  return [{ text }, ...(unverified ? [doubt] : [])];
}

/** The API may not say it. */
function sizeText(sizeBytes: number | undefined): string {
  return sizeBytes === undefined ? '? B' : formatBytes(sizeBytes);
}
