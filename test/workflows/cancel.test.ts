import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/client';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import { PROGRESS_QUERY } from '../../src/shared/names.js';
import type { PipelineProgress } from '../../src/shared/pipeline-report.js';
import {
  env,
  execute,
  getElapsedMs,
  getFailure,
  type Handle,
  HOUR_MS,
  list,
  RUNTIME,
  toFile,
  useTimeSkippingServer,
} from '../support/pipeline.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';

useTimeSkippingServer();

const MINUTE_MS = 60_000;

/** Longer than Temporal takes to record a cancellation, shorter than it takes to deliver it with a heartbeat. */
const SOON_MS = 500;

describe('a pipeline that is cancelled', () => {
  async function cancelWhen(
    activities: Partial<BctrlActivities>,
    input: object,
    isTimeToCancel: (handle: Handle) => boolean | Promise<boolean>,
    onCancelSent = () => {},
  ) {
    const all = { runtimeId: RUNTIME, files: list('a.txt', 'b.txt'), ...input };
    return await execute({ activities }, all, async (handle) => {
      await waitFor('the moment to cancel', () => isTimeToCancel(handle));
      await handle.cancel();
      onCancelSent();
      assert.ok((await getFailure(handle)) instanceof CancelledFailure);
      assert.equal((await handle.describe()).status.name, 'CANCELLED');
      const elapsedMs = await getElapsedMs(handle);
      assert.ok(elapsedMs < MINUTE_MS, `${elapsedMs} ms`);
      return await handle.query<PipelineProgress>(PROGRESS_QUERY);
    });
  }

  test('waits for its requests, and counts once what they did', async () => {
    let [collects, stopped] = [0, 0];
    let isCollecting = false;
    let isCancelSent = false;
    const activities: Partial<BctrlActivities> = {
      async collectRuntimeFile(file) {
        collects += 1;
        isCollecting = true;
        await waitFor('the cancellation', () => isCancelSent);
        await sleep(SOON_MS);
        isCollecting = false;
        return toFile(file);
      },
      async stopRuntime() {
        assert.equal(isCollecting, false, 'it is not stopped beside a running collect');
        stopped += 1;
      },
    };
    const input = {
      files: list('a.txt'),
      stopRuntime: 'always',
      exportArchive: {},
      next: { workflowType: 'x' },
    };
    const all = { ...activities, getActiveRun: async () => 'run' };
    // The server never reports an activity that is cancelled before it began, which may happen to getActiveRun.
    const progress = await cancelWhen(
      all,
      input,
      async (handle) => {
        const { runId } = await handle.query<PipelineProgress>(PROGRESS_QUERY);
        return collects === 1 && runId === 'run';
      },
      () => {
        isCancelSent = true;
      },
    );
    const { counts, files, stopRuntime, exportArchive, next } = progress;
    assert.deepEqual(counts, { files: 1, collected: 1, kept: 0, missing: 0, skipped: 0, failed: 0 });
    assert.equal(files[0]?.outcome, 'collected');
    const skipped = { outcome: 'skipped', reason: 'the pipeline ends as cancelled' };
    assert.deepEqual([stopRuntime, exportArchive, next], [{ outcome: 'stopped' }, skipped, skipped]);
    assert.equal(stopped, 1);
  });

  test('while it resolves the run has already begun to collect', async () => {
    const collected: string[] = [];
    let lookups = 0;
    const activities: Partial<BctrlActivities> = {
      async collectRuntimeFile(file) {
        collected.push(file.runtimePath);
        return toFile(file);
      },
      async getActiveRun() {
        lookups += 1;
        const beat = setInterval(() => Context.current().heartbeat(), 100);
        await Context.current().cancelled.finally(() => clearInterval(beat));
        return '';
      },
    };
    const input = { exportArchive: {} };
    // Only a collected file proves that the server has recorded the start of an activity.
    const isTimeToCancel = async (handle: Handle) => {
      const { counts } = await handle.query<PipelineProgress>(PROGRESS_QUERY);
      return lookups === 1 && counts.collected === 2;
    };
    const { counts } = await cancelWhen(activities, input, isTimeToCancel);
    assert.equal(collected.length, 2);
    assert.equal(counts.collected, 2);
  });

  test('while it is held closes at once', async () => {
    const activities: Partial<BctrlActivities> = {
      async collectRuntimeFile() {
        throw ApplicationFailure.nonRetryable('no', 'unauthorized', { reasonClass: 'unauthorized' });
      },
    };
    const input = { runtimeId: RUNTIME, files: list('a.txt'), onFailure: 'hold' };
    await execute({ activities }, input, async (handle) => {
      await waitForPhase(handle, 'held');
      await env.sleep(3 * HOUR_MS);
      await handle.cancel();
      assert.ok((await getFailure(handle)) instanceof CancelledFailure);
      const elapsedMs = await getElapsedMs(handle);
      assert.ok(elapsedMs >= 3 * HOUR_MS && elapsedMs < 3 * HOUR_MS + MINUTE_MS, `${elapsedMs} ms`);
    });
  });
});
