import assert from 'node:assert/strict';
import { BctrlError } from '../../src/bctrl/bctrl-error.js';

/** The error that a call of a client rejects with. */
export async function getError(call: Promise<unknown>): Promise<BctrlError> {
  const error = await call.then(
    () => assert.fail('the call succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof BctrlError, String(error));
  return error;
}
