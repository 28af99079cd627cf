import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import { waitWithProgress } from '../../../src/cli/commands/wait-and-print.js';
import type { Io } from '../../../src/cli/io.js';
import type { Session } from '../../../src/cli/temporal/session.js';
import { DecryptionError } from '../../../src/encryption/encryption-codec.js';

test('a report that was read counts, though the progress becomes unreadable at the same time', async () => {
  let fail: (error: Error) => void = assert.fail;
  const handle = {
    workflowId: 'w',
    describe: () =>
      new Promise((_, reject) => {
        fail = reject;
      }),
    // At the same time, as the progress is not read after the end.
    result: () => {
      const result = Promise.resolve('report');
      result.then(() => fail(new DecryptionError('a payload is encrypted')));
      return result;
    },
  };
  const session = {
    client: { withAbortSignal: (_: AbortSignal, run: () => Promise<unknown>) => run() },
    stopRetries: () => {},
  };
  const io = { stderr: { write: () => {} }, interrupted: new AbortController().signal };
  const options = { showProgress: true };
  const waited = await waitWithProgress(
    session as unknown as Session,
    io as unknown as Io,
    handle as unknown as WorkflowHandle,
    options,
  );
  assert.deepEqual(waited, { status: 'completed', result: 'report' });
});
