import type { Fault, FaultRule } from '../../src/testing.js';

/**
 * Rules by which a share of the collects goes wrong, each kind as often: a rule is asked for those that the rules before
 * it let pass.
 */
export function spreadFaults(kinds: readonly Fault[], faultsShare: number): FaultRule[] {
  const share = faultsShare / kinds.length;
  return kinds.map((fault, index) => ({ operation: 'collect', share: share / (1 - share * index), fault }));
}

/** The API's own answer for a file that is not in the workspace. */
export const fileNotFound: Fault = {
  kind: 'respond',
  status: 404,
  body: { code: 'file.not_found', error: 'The runtime has no such file.', reasonClass: 'not_found' },
};
