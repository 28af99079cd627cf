import type { Fault, FaultRule } from '../../src/testing.js';

/**
 * Rules by which a share of the collects goes wrong, each kind as often: a rule is asked for those that the rules before
 * it let pass.
 */
export function spreadFaults(kinds: readonly Fault[], faultsShare: number): FaultRule[] {
  const share = faultsShare / kinds.length;
  return kinds.map((fault, index) => ({ operation: 'collect', share: share / (1 - share * index), fault }));
}
