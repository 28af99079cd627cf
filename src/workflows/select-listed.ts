import { jsonBytes } from '../shared/json-bytes.js';
import type { FileOutcome } from '../shared/pipeline-report.js';

const MAXIMUM_FAILURES = 100;
const MAXIMUM_OTHERS = 900;

/** Very long paths must not make a report too large for a payload, beside all else that a run hands to the next one. */
const MAXIMUM_BYTES = 250_000;

/** Those whose outcomes a report lists; it counts all. */
export function selectListed<T extends { readonly outcome?: FileOutcome }>(
  files: Iterable<T>,
): (T & { readonly outcome: FileOutcome })[] {
  const listed: (T & { readonly outcome: FileOutcome })[] = [];
  const room = { failures: MAXIMUM_FAILURES, others: MAXIMUM_OTHERS, bytes: MAXIMUM_BYTES };
  for (const file of files) {
    if (!hasOutcome(file) || !isForTheReport(file.outcome)) continue;
    const kind = file.outcome.outcome === 'failed' ? 'failures' : 'others';
    if (room[kind] === 0) continue;
    const bytes = jsonBytes(file.outcome);
    if (bytes > room.bytes) continue;
    room.bytes -= bytes;
    room[kind] -= 1;
    listed.push(file);
  }
  return listed;
}

function hasOutcome<T extends { readonly outcome?: FileOutcome }>(
  file: T,
): file is T & { readonly outcome: FileOutcome } {
  return file.outcome !== undefined;
}

/** `ifMissing: 'ignore'` asks to hear nothing of a file but the count. */
function isForTheReport(outcome: FileOutcome): boolean {
  return outcome.outcome !== 'missing' || outcome.ifMissing !== 'ignore';
}
