import type { Fault, FaultRule, Operation } from './faults.js';
import { createRandom } from './random.js';

export interface FaultPicker {
  readonly idle: boolean;
  pick(operation: Operation, runtimePath: string | undefined): Fault | undefined;
}

/** Counts from zero: new rules mean a new picker. The same seed and requests give the same faults. */
export function createFaultPicker(rules: readonly FaultRule[], seed: number): FaultPicker {
  const random = createRandom(seed);
  const tallies = rules.map((rule) => ({ rule, matched: 0, hits: 0 }));
  return {
    idle: rules.length === 0,
    pick(operation, runtimePath) {
      for (const tally of tallies) {
        const { rule } = tally;
        if (rule.operation !== '*' && rule.operation !== operation) continue;
        if (rule.runtimePath !== undefined && rule.runtimePath !== runtimePath) continue;
        tally.matched += 1;
        if (tally.matched <= (rule.skip ?? 0)) continue;
        if (tally.hits >= (rule.times ?? Number.POSITIVE_INFINITY)) continue;
        if (rule.share !== undefined && random() >= rule.share) continue;
        tally.hits += 1;
        return rule.fault;
      }
      return undefined;
    },
  };
}
