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

/** As many as have an activity each, and as many as have one together. */
const sizes = { 'one by one': 3, 'in a batch': 30 };

const contentsOf = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}.txt`, 'hello']));

/** The file is made, and nobody learns of it. */
const lostResponse: FaultRule = {
  operation: 'collect',
  runtimePath: '0.txt',
  times: 1,
  fault: { kind: 'malformed-response' },
};

const answer = (status: number, body?: unknown): Fault => ({
  kind: 'respond',
  status,
  ...(body !== undefined && { body }),
});

/** The listing shows nothing once, so that the file is made a second time. */
const madeTwice: FaultRule[] = [
  lostResponse,
  { operation: 'list-files', times: 1, fault: answer(200, { data: [], nextCursor: null }) },
];

async function activityTypesOf(handle: Handle): Promise<(string | null | undefined)[]> {
  const events = await fetchScheduledActivities(handle);
  return events.map((event) => event.activityTaskScheduledEventAttributes?.activityType?.name);
}

for (const [how, count] of Object.entries(sizes)) {
  const contents = contentsOf(count);
  const files = list(...Object.keys(contents));

  describe(`of files that are collected ${how}`, () => {
    test('one that failed finally and is there all the same ends as collected', async (t) => {
      const faults: FaultRule[] = [
        lostResponse,
        // One that goes on failing is given up at the tenth time, and its file with it.
        { operation: 'list-files', times: 10, fault: answer(500) },
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
        const looks = (await activityTypesOf(handle)).filter((type) => type === 'verifyCollectedFiles');
        assert.equal(looks.length, 1);
      });
    });

    test('one that was made twice is reported with the ids of both', async (t) => {
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

    test('one that may be there twice stays unverified where nobody can look, with one warning', async (t) => {
      const faults: FaultRule[] = [...madeTwice, { operation: 'list-files', fault: answer(403) }];
      const { runtimeId, activities } = await setUp(t, contents, { faults, onPathExists: 'keep-both' });
      const report = await runPipeline(activities, { runtimeId, files });
      assert.deepEqual([report.outcome, report.counts.collected], ['succeeded', count]);
      const unverified = report.files.filter((outcome) => 'unverified' in outcome && outcome.unverified);
      assert.deepEqual(
        unverified.map(({ runtimePath }) => runtimePath),
        ['0.txt'],
      );
      const [warning = ''] = report.warnings;
      assert.match(
        warning,
        /^1 file: it is not known whether the API has it twice, .*; the last look failed: .* 403 /,
      );
      assert.equal(report.warnings.length, 1);
    });

    test('none is looked for again where every outcome was clear', async (t) => {
      const faults: FaultRule[] = [
        { operation: 'collect', skip: 1, times: 1, fault: answer(429) },
        { operation: 'collect', skip: 2, times: 1, fault: answer(409) },
      ];
      const { gateway, runtimeId, activities } = await setUp(t, contents, { faults });
      await execute({ activities }, { runtimeId, files }, async (handle) => {
        const report: PipelineReport = await handle.result();
        assert.equal(report.counts.collected, count);
        const expected = how === 'in a batch' ? ['collectRuntimeFiles'] : Array(3).fill('collectRuntimeFile');
        assert.deepEqual(await activityTypesOf(handle), expected);
      });
      assert.equal(gateway.snapshot().requests['list-files'], undefined);
    });
  });
}

describe('collectFile', () => {
  const type = COLLECT_FILE;
  const contents = { '0.txt': 'hello' };

  test('names the other file, where one was made twice', async (t) => {
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

  test('has its file unverified where nobody can look', async (t) => {
    const faults: FaultRule[] = [...madeTwice, { operation: 'list-files', fault: answer(403) }];
    const { gateway, runtimeId, activities } = await setUp(t, contents, {
      faults,
      onPathExists: 'keep-both',
    });
    const input = { runtimeId, runtimePath: '0.txt' };
    const { id, unverified } = await execute({ type, activities }, input, (handle) => handle.result());
    assert.equal(id, gateway.snapshot().files.at(-1)?.id);
    assert.equal(unverified, true);
  });

  test('looks for nothing again where every outcome was clear', async (t) => {
    const { runtimeId, activities } = await setUp(t, contents);
    const input = { runtimeId, runtimePath: '0.txt' };
    const types = await execute({ type, activities }, input, async (handle) => {
      await handle.result();
      return await activityTypesOf(handle);
    });
    assert.deepEqual(types, ['collectRuntimeFile']);
  });
});

test('files of a batch whose last attempt was cut off are looked for', async () => {
  let looked: readonly string[] = [];
  const activities: Partial<BctrlActivities> = {
    async collectRuntimeFiles() {
      throw ApplicationFailure.create({
        message: 'HEARTBEAT_TIMEOUT',
        type: 'CancelledFailure',
        nextRetryDelay: '2h',
      });
    },
    async verifyCollectedFiles({ failed }) {
      looked = failed;
      return { files: {}, moreDuplicates: 0 };
    },
  };
  const files = list(...Array.from({ length: 25 }, (_, index) => `${index}.txt`));
  await execute({ activities }, { runtimeId: RUNTIME, files, giveUpAfter: '1h' }, getFailedReport);
  assert.equal(looked.length, 25);
});

test('a last look has time to wait for the longest settling time', async () => {
  const activities: Partial<BctrlActivities> = {
    collectRuntimeFile: async (input) => ({ ...toFile(input), unverified: true }),
    verifyCollectedFiles: async () => ({ files: {}, moreDuplicates: 0 }),
  };
  await execute({ activities }, { runtimeId: RUNTIME, files: list('a.txt') }, async (handle) => {
    await handle.result();
    const look = (await fetchScheduledActivities(handle)).at(-1)?.activityTaskScheduledEventAttributes;
    assert.equal(look?.activityType?.name, 'verifyCollectedFiles');
    assert.ok(Number(look?.scheduleToCloseTimeout?.seconds) > 2 * 600);
  });
});
