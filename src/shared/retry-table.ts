import * as z from 'zod';
import { type Duration, durationSchema, durationToMs } from './duration.js';
import { formatZodError } from './parse-input.js';
import { type ReasonClass, reasonClasses } from './reason-class.js';

/** How failures of one `reasonClass` are treated. */
export interface RetryRule {
  /** `false`: the first failure is final, and the other fields have no effect. */
  readonly retryable: boolean;
  /** Delay after the first failure of the class, unless the response has a Retry-After. */
  readonly initialInterval: Duration;
  /** Factor from one delay to the next, 1 or more. */
  readonly backoffCoefficient: number;
  /** Longest computed delay. A longer Retry-After is obeyed all the same. */
  readonly maximumInterval: Duration;
  /** The failure with this number, counted from 1 over all attempts of an activity, is final. `null`: no limit. */
  readonly maximumFailures: number | null;
  /** Error codes of the class that are final at once, as waiting does not help. */
  readonly nonRetryableCodes: readonly string[];
}

/** How the failures of each class are treated. */
export type RetryTable = Readonly<Record<ReasonClass, RetryRule>>;
/** Rows of the retry table to change, and fields of a row. What is left out stays as it is. */
export type RetryTableOverrides = { readonly [K in ReasonClass]?: Partial<RetryRule> | undefined };

const backoff: RetryRule = {
  retryable: true,
  initialInterval: '1s',
  backoffCoefficient: 2,
  maximumInterval: '60s',
  maximumFailures: null,
  nonRetryableCodes: [],
};
const neverRetry: RetryRule = { ...backoff, retryable: false };

/** What happens to a failure, by its class. The activities decide by this table; README and tests are made from it. */
export const retryTable: RetryTable = {
  invalid_input: neverRetry,
  unauthorized: neverRetry,
  capability_denied: neverRetry,
  not_found: neverRetry,
  conflict: {
    ...backoff,
    maximumInterval: '10s',
    maximumFailures: 5,
    nonRetryableCodes: ['storage_file.path_exists', 'runtime.not_active'],
  },
  capability_limit_exceeded: {
    ...backoff,
    initialInterval: '30s',
    maximumInterval: '10m',
    maximumFailures: 20,
  },
  rate_limited: backoff,
  upstream: backoff,
  server: { ...backoff, maximumFailures: 10 },
};

/** For a missing file within its `appearsWithin`. Delays stay short, because a job writes its files soon after it ends. */
export const appearsWithinRule: RetryRule = { ...backoff, maximumInterval: '10s' };

const FACTOR = 'expected a number of at least 1';
const COUNT = 'expected a whole number above 0, or null';

const overrideSchema = z.strictObject({
  retryable: z.boolean().optional(),
  initialInterval: durationSchema.optional(),
  backoffCoefficient: z.number(FACTOR).min(1, FACTOR).optional(),
  maximumInterval: durationSchema.optional(),
  maximumFailures: z.int(COUNT).positive(COUNT).nullable().optional(),
  nonRetryableCodes: z.array(z.string()).optional(),
});
const optionsSchema = z.object({
  retryTable: z.partialRecord(z.enum(reasonClasses), overrideSchema.optional()),
});

/**
 * The retry table with overrides, which may change single fields of a row.
 *
 * @throws TypeError naming row and field of a wrong override: `retryTable.server.maximumFailures: …`
 */
export function resolveRetryTable(overrides: RetryTableOverrides = {}): RetryTable {
  const { data, error } = optionsSchema.safeParse({ retryTable: overrides });
  if (error) throw new TypeError(formatZodError(error));
  const rows = data.retryTable;
  const merged = reasonClasses.map((reasonClass) => [
    reasonClass,
    { ...retryTable[reasonClass], ...withoutUndefined(rows[reasonClass] ?? {}) },
  ]);
  return Object.fromEntries(merged) as RetryTable;
}

/** A field that is `undefined` is not overridden: a delay would be computed as `NaN`. */
function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** A `nextRetryDelay` of 0 would end the retries in Temporal, and a shorter delay would hammer a server that asked for time. */
const MIN_DELAY_MS = 1_000;

/** Up to this share of the delay is added, so that thousands of activities do not return in step. */
const JITTER = 0.1;

interface ClassAndCode {
  readonly reasonClass: ReasonClass;
  readonly code?: string | undefined;
}

export interface RetryState {
  readonly code?: string | undefined;
  /** Retry-After of the response, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** Failures of the class so far, this one included. */
  readonly failures: number;
}

/** Whether the first failure of this kind is final. */
export function isNeverRetried(table: RetryTable, { reasonClass, code }: ClassAndCode): boolean {
  const { retryable, nonRetryableCodes } = table[reasonClass];
  return !retryable || (code !== undefined && nonRetryableCodes.includes(code));
}

/** Milliseconds until the next attempt, `null` if this failure is final. `random` returns 0 ≤ x < 1. */
export function nextRetryDelayMs(rule: RetryRule, state: RetryState, random: () => number): number | null {
  if (!rule.retryable) return null;
  if (state.code !== undefined && rule.nonRetryableCodes.includes(state.code)) return null;
  if (rule.maximumFailures !== null && state.failures >= rule.maximumFailures) return null;
  const computed = durationToMs(rule.initialInterval) * rule.backoffCoefficient ** (state.failures - 1);
  const delay = state.retryAfterMs ?? Math.min(computed, durationToMs(rule.maximumInterval));
  return Math.round(Math.max(delay, MIN_DELAY_MS) * (1 + JITTER * random()));
}
