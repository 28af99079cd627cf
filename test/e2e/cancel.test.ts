import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, CancelledFailure, WorkflowFailedError } from '@temporalio/client';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import { POST_RUN_PIPELINE, PROGRESS_QUERY } from '../../src/shared/names.js';
import type { PipelineProgress } from '../../src/shared/pipeline-report.js';
import { useDevServerEnv } from '../support/dev-server.js';
import { withWorker } from '../support/temporal.js';
import { waitFor } from '../support/wait-for.js';

/** A cancellation is recorded within this time, but not yet delivered with a heartbeat. */
const SOON_MS = 500;

const env = useDevServerEnv();

// On the dev server: the time-skipping server never reports an activity that was cancelled between two attempts.
describe('a pipeline whose request fails before it learns that it is cancelled', () => {
  async function cancelDuringStop(stopRuntime: 'always' | 'on-success') {
    let stops = 0;
    let isCancelSent = false;
    const activities: Partial<BctrlActivities> = {
      async collectRuntimeFile() {
        const details = { reasonClass: 'not_found', code: 'file.not_found', status: 404 };
        throw ApplicationFailure.nonRetryable('there is no such file', 'not_found', details);
      },
      async stopRuntime() {
        stops += 1;
        if (stops > 1) return;
        await waitFor('the cancellation', () => isCancelSent);
        await sleep(SOON_MS);
        throw ApplicationFailure.create({ type: 'upstream', nextRetryDelay: '5m' });
      },
    };
    const files = [{ runtimePath: 'a.txt', ifMissing: 'warn' }];
    return await withWorker(env(), { activities }, async (taskQueue) => {
      const handle = await env().client.workflow.start(POST_RUN_PIPELINE, {
        taskQueue,
        workflowId: randomUUID(),
        args: [{ runtimeId: 'rt_1', files, stopRuntime }],
      });
      await waitFor('the runtime to be stopped', () => stops === 1);
      await handle.cancel();
      isCancelSent = true;
      await assert.rejects(handle.result(), (error: unknown) => {
        assert.ok(error instanceof WorkflowFailedError);
        assert.ok(error.cause instanceof CancelledFailure, String(error.cause));
        return true;
      });
      const progress = await handle.query<PipelineProgress>(PROGRESS_QUERY);
      return { stops, ...progress };
    });
  }

  test('ends as cancelled, and still stops the runtime', async () => {
    const { outcome, stopRuntime, stops } = await cancelDuringStop('always');
    assert.deepEqual([outcome, stopRuntime, stops], ['cancelled', { outcome: 'stopped' }, 2]);
  });

  test('reports that a stop in flight may have happened', async () => {
    const { outcome, stopRuntime, stops } = await cancelDuringStop('on-success');
    const reason = 'cancelled while stopping; the runtime may have been stopped';
    assert.deepEqual([outcome, stopRuntime, stops], ['cancelled', { outcome: 'skipped', reason }, 1]);
  });
});
