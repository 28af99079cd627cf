import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Context } from '@temporalio/activity';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import { ABANDON_UPDATE } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import type { Fault, FaultRule } from '../../src/testing.js';
import { createTestActivities } from '../support/activities.js';
import {
  execute,
  getElapsedMs,
  getFailedReport,
  list,
  setUp,
  useTimeSkippingServer,
} from '../support/pipeline.js';
import { waitForPhase } from '../support/wait-for.js';

useTimeSkippingServer();

const OUTAGE_MS = 6 * 60_000;

const contentsOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}.txt`, 'hello']));

const page = (status: number, text: string): Fault => ({
  kind: 'respond',
  status,
  contentType: 'text/html',
  headers: { server: 'cloudflare' },
  body: `<!doctype html><title>${text}</title>`,
});

for (const [count, how] of [
  [3, 'an activity each'],
  [30, 'one activity'],
] as const) {
  test(`six minutes of status 522 fail none of ${count} files, with ${how}`, async (t) => {
    const contents = contentsOf(count);
    const faults: FaultRule[] = [{ operation: '*', fault: page(522, 'Connection timed out') }];
    const { gateway, runtimeId, activities } = await setUp(t, contents, {
      faults,
      onPathExists: 'keep-both',
    });
    let startMs: number | undefined;
    const endOutage = () => {
      // Attempts are dated by the server's clock, which skips the delays between them.
      const { currentAttemptScheduledTimestampMs: nowMs } = Context.current().info;
      startMs ??= nowMs;
      if (nowMs >= startMs + OUTAGE_MS) gateway.setFaults([]);
    };
    const timed: Pick<BctrlActivities, 'collectRuntimeFile' | 'collectRuntimeFiles'> = {
      collectRuntimeFile(input) {
        endOutage();
        return activities.collectRuntimeFile(input);
      },
      collectRuntimeFiles(input) {
        endOutage();
        return activities.collectRuntimeFiles(input);
      },
    };
    const input = { runtimeId, files: list(...Object.keys(contents)) };
    await execute({ activities: { ...activities, ...timed } }, input, async (handle) => {
      const report: PipelineReport = await handle.result();
      const { collected, failed } = report.counts;
      assert.deepEqual([report.outcome, collected, failed], ['succeeded', count, 0]);
      const elapsedMs = await getElapsedMs(handle);
      assert.ok(elapsedMs >= OUTAGE_MS, `${elapsedMs} ms`);
    });
    const { files, responses } = gateway.snapshot();
    assert.ok((responses.collect?.['522'] ?? 0) > 0);
    assert.equal(new Set(files.map(({ runtimePath }) => runtimePath)).size, count);
    assert.equal(files.length, count);
  });
}

/** Responses that say nothing about the files. */
const unrelatedResponses: Readonly<Record<string, { faults?: FaultRule[]; apiKey?: string }>> = {
  'a 404 of a proxy': { faults: [{ operation: 'collect', fault: page(404, 'Not Found') }] },
  'a runtime of another account, which is not found': {
    faults: [
      {
        operation: 'collect',
        fault: {
          kind: 'respond',
          status: 404,
          body: { code: 'request.not_found', error: 'There is no such thing.', reasonClass: 'not_found' },
        },
      },
    ],
  },
  'a key that is not valid': { apiKey: 'key-of-another-account' },
};

describe('with ifMissing: warn,', () => {
  const contents = contentsOf(2);

  async function setUpResponse(t: TestContext, { faults = [], apiKey }: (typeof unrelatedResponses)[string]) {
    const { gateway, runtimeId, activities } = await setUp(t, contents, { faults });
    return {
      gateway,
      activities: apiKey ? createTestActivities(t, gateway.url, { client: { apiKey } }) : activities,
      input: {
        runtimeId,
        files: Object.keys(contents).map((runtimePath) => ({ runtimePath, ifMissing: 'warn' })),
        stopRuntime: 'on-success',
      },
      runtimeStatus: async () => (await gateway.call('GET', `/v1/runtimes/${runtimeId}`)).body.status,
    };
  }

  for (const [what, response] of Object.entries(unrelatedResponses)) {
    test(`${what} fails the pipeline, which does not stop the runtime`, async (t) => {
      const { gateway, activities, input, runtimeStatus } = await setUpResponse(t, response);
      const report = await execute({ activities }, input, getFailedReport);
      const { collected, missing, failed } = report.counts;
      assert.deepEqual([collected, missing, failed], [0, 0, 2]);
      assert.deepEqual(report.stopRuntime, { outcome: 'skipped', reason: 'the pipeline ends as failed' });
      assert.equal(await runtimeStatus(), 'active');
      assert.equal(gateway.snapshot().requests['stop-runtime'], undefined);
    });

    test(`${what} holds a pipeline with onFailure: hold, which does not stop the runtime`, async (t) => {
      const { activities, input, runtimeStatus } = await setUpResponse(t, response);
      await execute({ activities }, { ...input, onFailure: 'hold' }, async (handle) => {
        const { counts } = await waitForPhase(handle, 'held');
        assert.deepEqual([counts.collected, counts.missing, counts.failed], [0, 0, 2]);
        assert.equal(await runtimeStatus(), 'active');
        await handle.executeUpdate(ABANDON_UPDATE);
        await getFailedReport(handle);
      });
      assert.equal(await runtimeStatus(), 'active');
    });
  }
});
