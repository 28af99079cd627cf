import { jsonBytes } from '../shared/json-bytes.js';
import type { FileOutcome } from '../shared/pipeline-report.js';
import type { FileEntry, SettledOutcome } from './file-entry.js';

const LISTED_FAILURES = 100;

/** Others than failures. */
export const LISTED_FILES = 900;

/** Very long paths must not make a report too large for a payload, beside all else that a run hands to the next one. */
const LISTED_BYTES = 250_000;

interface Listed {
  readonly number: number;
  readonly outcome: FileOutcome;
}

/** Those whose outcomes a report lists; it counts all. */
export function selectListed(entries: Iterable<FileEntry>): Listed[] {
  const listed: Listed[] = [];
  const room = { failures: LISTED_FAILURES, others: LISTED_FILES, bytes: LISTED_BYTES };
  for (const { number, outcome } of entries) {
    if (outcome === undefined || !isForTheReport(outcome)) continue;
    const kind = outcome.outcome === 'failed' ? 'failures' : 'others';
    if (room[kind] === 0) continue;
    const bytes = jsonBytes(outcome);
    if (bytes > room.bytes) continue;
    room.bytes -= bytes;
    room[kind] -= 1;
    listed.push({ number, outcome });
  }
  return listed;
}

/** `ifMissing: 'ignore'` asks to hear nothing of a file but the count. */
function isForTheReport(outcome: SettledOutcome): outcome is FileOutcome {
  if (outcome.outcome === 'missing') return outcome.ifMissing !== 'ignore';
  return outcome.outcome === 'skipped' || outcome.outcome === 'failed' || 'fileId' in outcome;
}
