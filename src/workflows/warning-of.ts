import { shortPath } from '../shared/one-line.js';
import type { SettledOutcome } from './file-entry.js';

/** One sentence about what is no failure, but may surprise. */
export function warningOf(outcome: SettledOutcome): string | undefined {
  if (outcome.outcome === 'missing' && outcome.ifMissing === 'warn') return `missing: ${outcome.message}`;
  if ('duplicateIds' in outcome && outcome.duplicateIds !== undefined) {
    const also = outcome.duplicateIds.join(', ');
    return `${shortPath(outcome.runtimePath)}: the API made it more than once; the other files are ${also}`;
  }
  return undefined;
}
