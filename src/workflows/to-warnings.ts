import { shortPath } from '../shared/one-line.js';
import type { FileOutcome } from '../shared/pipeline-report.js';

/** Enough for a person; the files themselves tell all. */
const MAXIMUM_WARNINGS = 100;

/** One sentence for each thing that is no failure, but may surprise. */
export function toWarnings(outcomes: readonly FileOutcome[]): string[] {
  return outcomes.flatMap((outcome) => warningOf(outcome) ?? []).slice(0, MAXIMUM_WARNINGS);
}

function warningOf(outcome: FileOutcome): string | undefined {
  if (outcome.outcome === 'missing' && outcome.ifMissing === 'warn') return `missing: ${outcome.message}`;
  if ('duplicateIds' in outcome && outcome.duplicateIds !== undefined) {
    const also = outcome.duplicateIds.join(', ');
    return `${shortPath(outcome.runtimePath)}: the API made it more than once; the other files are ${also}`;
  }
  return undefined;
}
