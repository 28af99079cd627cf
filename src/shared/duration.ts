import ms, { type StringValue } from 'ms';
import * as z from 'zod';

type DurationUnit =
  | 'ms'
  | 'msec'
  | 'msecs'
  | 'millisecond'
  | 'milliseconds'
  | 's'
  | 'sec'
  | 'secs'
  | 'second'
  | 'seconds'
  | 'm'
  | 'min'
  | 'mins'
  | 'minute'
  | 'minutes'
  | 'h'
  | 'hr'
  | 'hrs'
  | 'hour'
  | 'hours'
  | 'd'
  | 'day'
  | 'days'
  | 'w'
  | 'week'
  | 'weeks'
  | 'y'
  | 'yr'
  | 'yrs'
  | 'year'
  | 'years';

/**
 * A number of milliseconds, or a text of a number and a unit such as `'30s'`, `'1.5h'` or `'2 days'`: 1 ms to 10 years. It fits
 * wherever Temporal's SDK takes a duration. The SDK's own type is `any` in a project without `@types/ms`.
 */
export type Duration = number | `${number}${DurationUnit}` | `${number} ${DurationUnit}`;

/** Node's limit in milliseconds, 24.8 days: a longer timer fires at once. */
export const MAX_TIMER_MS = 2_147_483_647;

/** Temporal reads a shorter duration as none. */
const MIN_MS = 1;

/** Longer than any job, and well within the range of Temporal's clocks and databases. */
const MAX_MS = ms('10y');

/** A unit is required: Temporal reads `'5'` as five milliseconds, which nobody who writes it means. */
const NUMBER_WITH_UNIT = /^\d+(\.\d+)?\s*[a-z]+$/i;

/** `ms` reads no longer text. */
const MAX_TEXT_LENGTH = 100;

export const durationSchema = z.custom<Duration>(
  isDuration,
  'expected a duration such as "30s" or "5m", of 1 ms to 10 years',
);

/** Milliseconds of a duration. `NaN` for a text that is none, for which `ms` returns `undefined` or throws. */
export function durationToMs(duration: Duration): number {
  if (typeof duration === 'number') return duration;
  const milliseconds: number | undefined = duration.length > 0 ? ms(duration) : undefined;
  return milliseconds ?? Number.NaN;
}

function isDuration(value: unknown): value is Duration {
  const milliseconds = isNumberWithUnit(value) ? ms(value) : value;
  return typeof milliseconds === 'number' && milliseconds >= MIN_MS && milliseconds <= MAX_MS;
}

/** The unit may still be unknown; `ms` returns `undefined` for it. */
function isNumberWithUnit(value: unknown): value is StringValue {
  return typeof value === 'string' && value.length <= MAX_TEXT_LENGTH && NUMBER_WITH_UNIT.test(value);
}
