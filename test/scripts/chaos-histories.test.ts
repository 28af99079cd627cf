import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RawValue } from '@temporalio/common';
import { readHistories } from '../../scripts/chaos/histories.js';
import { JOB_FINISHED_SIGNAL } from '../../src/shared/names.js';
import { useDevServer } from '../support/dev-server.js';
import { setUpRunbook } from '../support/runbook.js';
import { waitForPhase, waitForTaskAttempt } from '../support/wait-for.js';

const files = [{ runtimePath: 'a.txt' }, { runtimePath: 'late.txt', appearsWithin: '1h' }] as const;

/** No worker of the test has the key. */
const encrypted = RawValue.fromPayload({
  metadata: { encoding: Buffer.from('binary/encrypted') },
  data: Buffer.from('x'),
});

const temporal = useDevServer();

describe('a run that was terminated', { concurrency: true }, () => {
  for (const { what, isStuck } of [
    { what: 'in order is asked for its report', isStuck: false },
    { what: 'while its workflow task failed gives none, and that is no problem', isStuck: true },
  ]) {
    test(what, async (t) => {
      const { work, start } = await setUpRunbook(t, temporal);
      await work();
      const { id, workflowHandle: handle } = await start({ files });
      await waitForPhase(handle, 'collecting', ({ counts }) => counts.collected === 1);
      if (isStuck) {
        await handle.signal(JOB_FINISHED_SIGNAL, encrypted);
        await waitForTaskAttempt(handle, 3);
      }
      const { runId } = await handle.describe();
      await handle.terminate();

      const source = { client: temporal.client, temporal: { explains: () => false } };
      const [run] = await readHistories(source, new Map([[id, new Set([runId])]]));
      assert.equal(run?.fact.status, 'terminated');
      assert.equal(run.fact.queryProblem, undefined);
      assert.equal(run.fact.report?.counts.collected, isStuck ? undefined : 1);
    });
  }
});
