import type { Fault, FaultRule, Operation } from './faults.js';
import { createRandom } from './random.js';

export interface FaultMatcher {
  readonly isEmpty: boolean;
  match(operation: Operation, runtimePath: string | undefined): Fault | undefined;
}

/** Counts from zero: new rules mean a new picker. The same seed and requests give the same faults. */
export function createFaultMatcher(rules: readonly FaultRule[], seed: number): FaultMatcher {
  const random = createRandom(seed);
  const counters = rules.map((rule) => ({ rule, matched: 0, hits: 0 }));
  return {
    isEmpty: rules.length === 0,
    match(operation, runtimePath) {
      for (const counter of counters) {
        const { rule } = counter;
        if (rule.operation !== '*' && rule.operation !== operation) continue;
        if (rule.runtimePath !== undefined && rule.runtimePath !== runtimePath) continue;
        counter.matched += 1;
        if (counter.matched <= (rule.skip ?? 0)) continue;
        if (counter.hits >= (rule.times ?? Number.POSITIVE_INFINITY)) continue;
        if (rule.share !== undefined && random() >= rule.share) continue;
        counter.hits += 1;
        return rule.fault;
      }
      return undefined;
    },
  };
}
