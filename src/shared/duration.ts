import type { Duration } from '@temporalio/common';
import { msToNumber } from '@temporalio/common/lib/time.js';
import { z } from 'zod';

export type { Duration };

/** A Node timer that is asked for more ends at once. Milliseconds, 24.8 days. */
export const MAX_TIMER_MS = 2_147_483_647;

/** Temporal takes a shorter one for none. */
const MIN_MS = 1;

/** Longer than any job, and far from where the clocks of Temporal and its stores end. */
const MAX_MS = msToNumber('10y');

/** Temporal reads a bare `'5'` as five milliseconds, which nobody who writes it means. */
const numberWithUnit = /^\d+(\.\d+)?\s*[a-z]+$/i;

function isDuration(value: unknown): value is Duration {
  if (typeof value !== 'number' && (typeof value !== 'string' || !numberWithUnit.test(value))) return false;
  try {
    const ms = msToNumber(value as Duration);
    return ms >= MIN_MS && ms <= MAX_MS;
  } catch {
    return false;
  }
}

/** A duration as Temporal users write it: `'30s'`, `'5m'`, or a number of milliseconds. */
export const durationSchema = z.custom<Duration>(
  isDuration,
  'expected a duration such as "30s" or "5m", of 1 ms to 10 years',
);

/** Milliseconds of a validated duration. */
export function durationToMs(duration: Duration): number {
  return msToNumber(duration);
}
