import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RESUME_UPDATE } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import type { FaultRule } from '../../src/testing.js';
import {
  execute,
  fetchScheduledActivities,
  getCurrentDetails,
  getFailedReport,
  list,
  setUp,
  useTimeSkippingServer,
} from '../support/pipeline.js';
import { waitForPhase } from '../support/wait-for.js';

useTimeSkippingServer();

const FILES = 1_000;
const BATCH = 50;
const CONCURRENCY = 4;
/** What each batch sends until it knows. */
const MAX_PER_BATCH = 5;

const paths = Array.from({ length: FILES }, (_, index) => `${index}.txt`);
const contents = Object.fromEntries(paths.map((path) => [path, 'hi']));
const unauthorized: FaultRule = { operation: 'collect', fault: { kind: 'respond', status: 401 } };
const forbidden: FaultRule = { operation: 'collect', fault: { kind: 'respond', status: 403 } };
const runtimeGone: FaultRule = {
  operation: 'collect',
  fault: {
    kind: 'respond',
    status: 404,
    body: { code: 'runtime.not_found', error: 'There is no such runtime.', reasonClass: 'not_found' },
  },
};

describe(`a pipeline of ${FILES} files in 20 batches`, () => {
  for (const [what, rule] of Object.entries({ unauthorized, forbidden, runtimeGone })) {
    test(`${what}: starts no batch after the first that was refused`, async (t) => {
      const { gateway, runtimeId, activities } = await setUp(t, {}, { faults: [rule] });
      await execute(
        { activities },
        { runtimeId, batchSize: BATCH, files: list(...paths) },
        async (handle) => {
          const report = await getFailedReport(handle);
          const requests = gateway.snapshot().requests.collect ?? 0;
          t.diagnostic(`${requests} requests`);
          assert.ok(requests <= CONCURRENCY * MAX_PER_BATCH, `${requests} requests`);
          assert.equal((await fetchScheduledActivities(handle)).length, CONCURRENCY);
          assert.equal(report.counts.failed, FILES);
          const failed = report.files.filter((file) => file.outcome === 'failed');
          assert.ok(failed.filter(({ untried }) => !untried).length <= requests);
          assert.deepEqual(report.warnings, []);
          assert.match(
            await getCurrentDetails(handle),
            /^- `\w+` `×100: 40\d .*, e\.g\. 0\.txt`\n- and 900 more$/m,
          );
        },
      );
    });
  }

  test('is resumed, and collects each file once', async (t) => {
    const faults = [{ ...unauthorized, skip: 150 }];
    const { gateway, runtimeId, activities } = await setUp(t, contents, {
      faults,
      onPathExists: 'keep-both',
    });
    const input = { runtimeId, batchSize: BATCH, files: list(...paths), onFailure: 'hold' };
    await execute({ activities }, input, async (handle) => {
      const { counts } = await waitForPhase(handle, 'held');
      assert.equal(counts.collected, 150);
      assert.equal(counts.failed, FILES - 150);
      gateway.setFaults([]);
      assert.deepEqual(await handle.executeUpdate(RESUME_UPDATE), { files: FILES - 150, jobs: 0 });
      const report: PipelineReport = await handle.result();
      assert.equal(report.counts.collected, FILES);
      assert.equal(gateway.snapshot().files.length, FILES);
    });
  });

  test('goes on after a batch whose files are denied, if other files were collected', async (t) => {
    const denied = paths.slice(500, 500 + BATCH).map((runtimePath) => ({ ...forbidden, runtimePath }));
    const { gateway, runtimeId, activities } = await setUp(t, contents, { faults: denied });
    const input = { runtimeId, batchSize: BATCH, files: list(...paths), concurrency: 1, onFailure: 'hold' };
    await execute({ activities }, input, async (handle) => {
      const { counts } = await waitForPhase(handle, 'held');
      assert.deepEqual([counts.collected, counts.failed], [FILES - BATCH, BATCH]);
      gateway.setFaults(denied.slice(0, 3));
      await handle.executeUpdate(RESUME_UPDATE);
      // Those that were refused before come last, so that the others are collected.
      const again = await waitForPhase(handle, 'held');
      assert.deepEqual([again.counts.collected, again.counts.failed], [FILES - 3, 3]);
      await handle.terminate();
    });
  });
});
