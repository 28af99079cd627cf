import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { PipelineInput } from '../../src/shared/pipeline-input.js';
import type { FailedOutcome, PipelineReport } from '../../src/shared/pipeline-report.js';
import type { ReasonClass } from '../../src/shared/reason-class.js';
import type { RetryTableOverrides } from '../../src/shared/retry-table.js';
import type { Fault, FaultRule } from '../../src/testing.js';
import { createTestActivities } from '../support/activities.js';
import { fileNotFound } from '../support/faults.js';
import {
  execute,
  getFailedReport,
  type Handle,
  list,
  setUp,
  useTimeSkippingServer,
} from '../support/pipeline.js';

useTimeSkippingServer();

/** 2 files have an activity each, 25 share a batch. */
const fileCounts = [2, 25];

interface Outcome {
  readonly report: PipelineReport;
  /** Collect requests that the gateway had. */
  readonly requests: number;
}

/** Collects files with the real activities, which have `overrides` of the retry table; the workflow knows nothing of them. */
async function collect(
  t: TestContext,
  files: PipelineInput['files'] & object,
  faults: FaultRule[],
  overrides: RetryTableOverrides,
  toReport: (handle: Handle) => Promise<PipelineReport> = (handle) => handle.result(),
): Promise<Outcome> {
  const contents = Object.fromEntries(files.map(({ runtimePath }) => [runtimePath, runtimePath]));
  const { gateway, runtimeId } = await setUp(t, contents, { faults });
  const activities = createTestActivities(t, gateway.url, { retryTable: overrides });
  const report = await execute({ activities }, { runtimeId, files }, toReport);
  return { report, requests: gateway.snapshot().requests.collect ?? 0 };
}

const respond = (status: number, reasonClass: ReasonClass): Fault => ({
  kind: 'respond',
  status,
  body: { code: 'test.code', error: 'Said so.', reasonClass },
});

for (const count of fileCounts) {
  const files = list(...Array.from({ length: count }, (_, index) => `${index}.txt`));

  describe(`with ${count} files, the retry table of the activities decides:`, () => {
    test('a class that is set to retryable is retried', async (t) => {
      const fault = respond(400, 'invalid_input');
      const overrides = { invalid_input: { retryable: true } };
      const { report, requests } = await collect(
        t,
        files,
        [{ operation: 'collect', times: count, fault }],
        overrides,
      );
      assert.deepEqual([report.outcome, report.counts.collected], ['succeeded', count]);
      assert.equal(requests, 2 * count);
    });

    test('a class that is set to not retryable is final', async (t) => {
      const overrides = { upstream: { retryable: false } };
      const faults: FaultRule[] = [{ operation: 'collect', fault: respond(503, 'upstream') }];
      const { report, requests } = await collect(t, files, faults, overrides, getFailedReport);
      assert.equal(report.counts.failed, count);
      assert.ok(report.files.every((file) => (file as FailedOutcome).reasonClass === 'upstream'));
      assert.equal(requests, count);
    });

    test('a missing file that appearsWithin names is retried, with no option of the workflow', async (t) => {
      const appearing = files.map((file) => ({ ...file, appearsWithin: '1m' as const }));
      const faults: FaultRule[] = [{ operation: 'collect', times: 2 * count, fault: fileNotFound }];
      const { report, requests } = await collect(t, appearing, faults, {});
      assert.deepEqual([report.outcome, report.counts.collected], ['succeeded', count]);
      assert.equal(requests, 3 * count);
    });
  });
}
