import { jsonByteLength } from '../shared/bounded-string.js';
import type { StoredOutcome } from '../shared/collect-outcome.js';
import type { PipelineFile } from '../shared/pipeline-input.js';
import type { FileOutcome } from '../shared/pipeline-report.js';

/** What became of a file. A collected file without `fileId` is only counted in the report. */
export type FileResult = FileOutcome | (StoredOutcome & Pick<FileOutcome, 'runtimePath'>);

/** A file of a pipeline. */
export interface FileEntry {
  /** From 1, in the order in which the files came. */
  readonly position: number;
  file: PipelineFile;
  /** The `fileKey` of the file. */
  readonly key: string;
  /** An activity was started for the file, so that it may have been copied. */
  attempted: boolean;
  /** Absent while the file is pending. */
  outcome?: FileResult;
}

/** A file to be collected now. */
export type PendingFile = Readonly<Omit<FileEntry, 'outcome'>>;

/** Enough to see what goes wrong. */
const MAX_REPORTED_FAILURES = 100;

/** Files other than failures: with them, a report lists at most 1,000 files. */
export const MAX_REPORTED_FILES = 900;

/** Very long paths must not make the report too large for its payload, which also holds the rest of a run's state. */
const MAX_REPORTED_BYTES = 250_000;

interface ReportedFile {
  readonly position: number;
  readonly outcome: FileOutcome;
}

/** Selects the files that the report lists. */
export function selectReported(entries: Iterable<FileEntry>): ReportedFile[] {
  const reported: ReportedFile[] = [];
  const room = { failures: MAX_REPORTED_FAILURES, others: MAX_REPORTED_FILES, bytes: MAX_REPORTED_BYTES };
  for (const { position, outcome } of entries) {
    if (outcome === undefined || !isReportable(outcome)) continue;
    const kind = outcome.outcome === 'failed' ? 'failures' : 'others';
    if (room[kind] === 0) continue;
    const bytes = jsonByteLength(outcome);
    if (bytes > room.bytes) continue;
    room.bytes -= bytes;
    room[kind] -= 1;
    reported.push({ position, outcome });
  }
  return reported;
}

function isReportable(outcome: FileResult): outcome is FileOutcome {
  if (outcome.outcome === 'missing') return outcome.ifMissing !== 'ignore';
  return outcome.outcome === 'skipped' || outcome.outcome === 'failed' || outcome.fileId !== undefined;
}
