import { jsonByteLength } from '../shared/json-bytes.js';
import type { FileOutcome } from '../shared/pipeline-report.js';
import type { FileEntry, FileResult } from './file-entry.js';

const MAX_REPORTED_FAILURES = 100;

/** Others than failures. */
export const MAX_REPORTED_FILES = 900;

/** Very long paths must not make a report too large for a payload, beside all else that a run hands to the next one. */
const MAX_REPORTED_BYTES = 250_000;

interface ReportedFile {
  readonly position: number;
  readonly outcome: FileOutcome;
}

/** Those whose outcomes a report lists; it counts all. */
export function selectReported(entries: Iterable<FileEntry>): ReportedFile[] {
  const reported: ReportedFile[] = [];
  const room = { failures: MAX_REPORTED_FAILURES, others: MAX_REPORTED_FILES, bytes: MAX_REPORTED_BYTES };
  for (const { position, outcome } of entries) {
    if (outcome === undefined || !isForTheReport(outcome)) continue;
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

/** `ifMissing: 'ignore'` asks to hear nothing of a file but the count. */
function isForTheReport(outcome: FileResult): outcome is FileOutcome {
  if (outcome.outcome === 'missing') return outcome.ifMissing !== 'ignore';
  return outcome.outcome === 'skipped' || outcome.outcome === 'failed' || 'fileId' in outcome;
}
