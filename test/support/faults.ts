import type { Fault, FaultRule } from '../../src/testing.js';

/**
 * Returns rules by which a share of the collects fails, with every kind of fault equally often. A rule applies to the requests
 * that the rules before it let pass.
 */
export function spreadFaults(kinds: readonly Fault[], faultsShare: number): FaultRule[] {
  const share = faultsShare / kinds.length;
  return kinds.map((fault, index) => ({ operation: 'collect', share: share / (1 - share * index), fault }));
}

/** The API's response for a file that is not in the workspace. */
export const fileNotFound: Fault = {
  kind: 'respond',
  status: 404,
  body: { code: 'file.not_found', error: 'The runtime has no such file.', reasonClass: 'not_found' },
};
