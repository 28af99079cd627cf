import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import { COLLECT_FILE } from '../../src/shared/names.js';
import type { CollectedOutcome, PipelineReport } from '../../src/shared/pipeline-report.js';
import type { Fault, FaultRule } from '../../src/testing.js';
import {
  execute,
  fetchScheduledActivities,
  getFailedReport,
  type Handle,
  list,
  RUNTIME,
  runPipeline,
  setUp,
  toFile,
  useTimeSkippingServer,
} from '../support/pipeline.js';

useTimeSkippingServer();

/** Few files have an activity each, many share a batch. */
const sizes = { 'one by one': 3, 'in a batch': 30 };

const contentsOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}.txt`, 'hello']));

/** The file is made, but the response is lost. */
const lostResponse: FaultRule = {
  operation: 'collect',
  runtimePath: '0.txt',
  times: 1,
  fault: { kind: 'malformed-response' },
};

const respond = (status: number, body?: unknown): Fault => ({
  kind: 'respond',
  status,
  ...(body !== undefined && { body }),
});

/** The listing is empty once, so that the file is made a second time. */
const madeTwice: FaultRule[] = [
  lostResponse,
  { operation: 'list-files', times: 1, fault: respond(200, { data: [], nextCursor: null }) },
];

async function getActivityTypes(handle: Handle): Promise<(string | null | undefined)[]> {
  const events = await fetchScheduledActivities(handle);
  return events.map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
}

for (const [how, count] of Object.entries(sizes)) {
  const contents = contentsOf(count);
  const files = list(...Object.keys(contents));

  describe(`with files that are collected ${how}:`, () => {
    test('a file that failed but exists is collected', async (t) => {
      const faults: FaultRule[] = [
        lostResponse,
        // The tenth failure of the lookup is final, and so is that of the file.
        { operation: 'list-files', times: 10, fault: respond(500) },
      ];
      const { gateway, runtimeId, activities } = await setUp(t, contents, {
        faults,
        onPathExists: 'keep-both',
      });
      await execute({ activities }, { runtimeId, files }, async (handle) => {
        const report: PipelineReport = await handle.result();
        const made = gateway.snapshot().files;
        assert.deepEqual(
          [report.outcome, report.counts.collected, report.counts.failed],
          ['succeeded', count, 0],
        );
        assert.equal(report.bytes, 5 * count);
        assert.deepEqual(report.warnings, []);
        const { id: fileId, path } = made.find(({ runtimePath }) => runtimePath === '0.txt') ?? {};
        assert.deepEqual(report.files[0], {
          outcome: 'collected',
          runtimePath: '0.txt',
          fileId,
          path,
          sizeBytes: 5,
        });
        assert.equal(made.length, count);
        const lookups = (await getActivityTypes(handle)).filter((type) => type === 'verifyCollectedFiles');
        assert.equal(lookups.length, 1);
      });
    });

    test('a file that was made twice is reported with both ids', async (t) => {
      const { gateway, runtimeId, activities } = await setUp(t, contents, {
        faults: madeTwice,
        onPathExists: 'keep-both',
      });
      const report = await runPipeline(activities, { runtimeId, files });
      const ids = gateway
        .snapshot()
        .files.filter(({ runtimePath }) => runtimePath === '0.txt')
        .map(({ id }) => id);
      assert.equal(ids.length, 2);
      const { fileId, duplicateIds = [], unverified } = report.files[0] as CollectedOutcome;
      assert.deepEqual([fileId, ...duplicateIds].toSorted(), ids.toSorted());
      assert.equal(unverified, undefined);
      assert.deepEqual([report.outcome, report.duplicates], ['succeeded', 1]);
      assert.deepEqual(report.warnings, [
        `0.txt: the API made it more than once; the other files are ${duplicateIds[0]}`,
      ]);
    });

    test('a file that may exist twice stays unverified, with one warning, if the lookup fails', async (t) => {
      const faults: FaultRule[] = [...madeTwice, { operation: 'list-files', fault: respond(403) }];
      const { runtimeId, activities } = await setUp(t, contents, { faults, onPathExists: 'keep-both' });
      const report = await runPipeline(activities, { runtimeId, files });
      assert.deepEqual([report.outcome, report.counts.collected], ['succeeded', count]);
      const unverified = report.files.filter((outcome) => 'unverified' in outcome && outcome.unverified);
      assert.deepEqual(
        unverified.map(({ runtimePath }) => runtimePath),
        ['0.txt'],
      );
      const [warning = ''] = report.warnings;
      assert.match(warning, /^1 file may exist twice, or despite a failure; the last lookup failed: .* 403 /);
      assert.equal(report.warnings.length, 1);
    });

    test('there is no lookup if every outcome was clear', async (t) => {
      const faults: FaultRule[] = [
        { operation: 'collect', skip: 1, times: 1, fault: respond(429) },
        { operation: 'collect', skip: 2, times: 1, fault: respond(409) },
      ];
      const { gateway, runtimeId, activities } = await setUp(t, contents, { faults });
      await execute({ activities }, { runtimeId, files }, async (handle) => {
        const report: PipelineReport = await handle.result();
        assert.equal(report.counts.collected, count);
        const expected = how === 'in a batch' ? ['collectRuntimeFiles'] : Array(3).fill('collectRuntimeFile');
        assert.deepEqual(await getActivityTypes(handle), expected);
      });
      assert.equal(gateway.snapshot().requests['list-files'], undefined);
    });
  });
}

describe('collectFile', () => {
  const type = COLLECT_FILE;
  const contents = { '0.txt': 'hello' };

  test('names the duplicate of a file that was made twice', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t, contents, {
      faults: madeTwice,
      onPathExists: 'keep-both',
    });
    const input = { runtimeId, runtimePath: '0.txt' };
    const { id, duplicateIds, unverified } = await execute({ type, activities }, input, (handle) =>
      handle.result(),
    );
    const ids = gateway.snapshot().files.map((file) => file.id);
    assert.equal(ids.length, 2);
    assert.deepEqual([id, ...duplicateIds].toSorted(), ids.toSorted());
    assert.equal(unverified, undefined);
  });

  test('leaves the file unverified if the lookup fails', async (t) => {
    const faults: FaultRule[] = [...madeTwice, { operation: 'list-files', fault: respond(403) }];
    const { gateway, runtimeId, activities } = await setUp(t, contents, {
      faults,
      onPathExists: 'keep-both',
    });
    const input = { runtimeId, runtimePath: '0.txt' };
    const { id, unverified } = await execute({ type, activities }, input, (handle) => handle.result());
    assert.equal(id, gateway.snapshot().files.at(-1)?.id);
    assert.equal(unverified, true);
  });

  test('makes no lookup if every outcome was clear', async (t) => {
    const { runtimeId, activities } = await setUp(t, contents);
    const input = { runtimeId, runtimePath: '0.txt' };
    const types = await execute({ type, activities }, input, async (handle) => {
      await handle.result();
      return await getActivityTypes(handle);
    });
    assert.deepEqual(types, ['collectRuntimeFile']);
  });
});

test('the files of a batch whose last attempt was cut off are looked up', async () => {
  let lookedUp: readonly string[] = [];
  const activities: Partial<BctrlActivities> = {
    async collectRuntimeFiles() {
      throw ApplicationFailure.create({
        message: 'HEARTBEAT_TIMEOUT',
        type: 'CancelledFailure',
        nextRetryDelay: '2h',
      });
    },
    async verifyCollectedFiles({ failed }) {
      lookedUp = failed;
      return { files: {}, moreDuplicates: 0 };
    },
  };
  const files = list(...Array.from({ length: 25 }, (_, index) => `${index}.txt`));
  await execute({ activities }, { runtimeId: RUNTIME, files, giveUpAfter: '1h' }, getFailedReport);
  assert.equal(lookedUp.length, 25);
});

test('a field of the wrong type in the details of a failure hides none of the others', async () => {
  let lookedUp: readonly string[] = [];
  const details = {
    reasonClass: 'upstream',
    code: 500,
    status: 503,
    requestId: null,
    hint: 'Wait.',
    unverified: true,
  };
  const activities: Partial<BctrlActivities> = {
    async collectRuntimeFile() {
      throw ApplicationFailure.nonRetryable('a.txt: failed', 'upstream', details);
    },
    async verifyCollectedFiles({ failed }) {
      lookedUp = failed;
      return { files: {}, moreDuplicates: 0 };
    },
  };
  const input = { runtimeId: RUNTIME, files: list('a.txt') };
  const { files } = await execute({ activities }, input, getFailedReport);
  const problem = { reasonClass: 'upstream', message: 'a.txt: failed', status: 503, hint: 'Wait.' };
  assert.deepEqual(files, [{ outcome: 'failed', ...problem, runtimePath: 'a.txt' }]);
  assert.equal(lookedUp.length, 1);
});

test('the lookup has time to wait for the longest settling time', async () => {
  const activities: Partial<BctrlActivities> = {
    collectRuntimeFile: async (input) => ({ ...toFile(input), unverified: true }),
    verifyCollectedFiles: async () => ({ files: {}, moreDuplicates: 0 }),
  };
  await execute({ activities }, { runtimeId: RUNTIME, files: list('a.txt') }, async (handle) => {
    await handle.result();
    const lookup = (await fetchScheduledActivities(handle)).at(-1)?.activityTaskScheduledEventAttributes;
    assert.equal(lookup?.activityType?.name, 'verifyCollectedFiles');
    assert.ok(Number(lookup?.scheduleToCloseTimeout?.seconds) > 2 * 600);
  });
});
