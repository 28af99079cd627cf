import type { Fault, Operation } from './faults.js';

/** What this process was asked and how it answered, since it started. */
export interface RequestStats {
  /** Authorized or not. */
  requests: Partial<Record<Operation, number>>;
  /** Whole answers by status; a request whose connection a fault closed has none. */
  responses: Partial<Record<Operation, Record<string, number>>>;
  faults: Partial<Record<Fault['kind'], number>>;
  /** Requests being handled now, and the most there ever were at once. */
  inFlight: number;
  maxInFlight: number;
}

export function createRequestStats(): RequestStats {
  return { requests: {}, responses: {}, faults: {}, inFlight: 0, maxInFlight: 0 };
}

export function increment<Key extends string>(counts: Partial<Record<Key, number>>, key: Key): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
