import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import { BctrlError, createActivities } from 'bctrl-temporal';
import { systemErrorCode } from '../../src/gateway/storage.js';
import { isError } from '../../src/shared/external-input.js';
import { runAttempt } from '../support/activities.js';
import { fileNotFound } from '../support/faults.js';
import { API_KEY, startTestGateway } from '../support/gateway.js';

/** The CommonJS of this package, which is another copy of it. */
const other: typeof import('bctrl-temporal') = createRequire(import.meta.url)('bctrl-temporal');

describe('the client of another copy of the package', () => {
  const cases = {
    'a missing file': { fault: fileNotFound, type: 'not_found' },
    'a refused request': { fault: { kind: 'respond', status: 403 } as const, type: 'capability_denied' },
  };
  for (const [what, { fault, type }] of Object.entries(cases)) {
    test(`${what} is final, as with one of this copy`, async (t) => {
      const gateway = await startTestGateway(t, { faults: [{ operation: 'collect', fault }] });
      const client = new other.BctrlClient({ apiKey: API_KEY, baseUrl: gateway.url });
      t.after(() => client.close());
      const { collectRuntimeFile } = createActivities({ client });
      const input = { runtimeId: gateway.runtimeId, runtimePath: 'a.txt' };
      const { failure } = await runAttempt(collectRuntimeFile, input);
      assert.deepEqual([failure?.type, failure?.nonRetryable], [type, true]);
    });
  }

  test('its errors are instances of BctrlError', () => {
    const error = new other.BctrlError('no', { reasonClass: 'server', mayHaveSucceeded: false });
    assert.ok(error instanceof BctrlError);
    for (const value of [
      undefined,
      new Error('no'),
      { name: 'BctrlError', message: 'no', reasonClass: 'odd' },
    ]) {
      assert.equal((value as unknown) instanceof BctrlError, false);
    }
  });
});

test('errors of another realm, such as those under Jest, are read like others', () => {
  const error: unknown = runInNewContext(
    "Object.assign(new Error('gone'), { code: 'ENOENT', syscall: 'open' })",
  );
  assert.equal(error instanceof Error, false);
  assert.ok(isError(error));
  assert.equal(systemErrorCode(error), 'ENOENT');
});
