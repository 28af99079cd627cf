import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/client';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import type { CollectRuntimeFilesInput } from '../../src/shared/collect.js';
import type { CollectOutcome } from '../../src/shared/collect-outcome.js';
import { fileKey } from '../../src/shared/keys.js';
import { ADD_FILES_UPDATE, PROGRESS_QUERY, RESUME_UPDATE } from '../../src/shared/names.js';
import type { FailedOutcome, PipelineProgress, PipelineReport } from '../../src/shared/pipeline-report.js';
import {
  assertRefused,
  collectAny,
  createGate,
  execute,
  fetchScheduledActivities,
  getFailedReport,
  list,
  RUNTIME,
  runPipeline,
  setUp,
  useTimeSkippingServer,
} from '../support/pipeline.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';

useTimeSkippingServer();

const MINUTE_MS = 60_000;

const paths = (count: number) => Array.from({ length: count }, (_, index) => `${index}.txt`);

function collected({ runtimePath }: { runtimePath: string }): CollectOutcome {
  return {
    outcome: 'collected',
    fileId: `id of ${runtimePath}`,
    path: `/files/${runtimePath}`,
    sizeBytes: 5,
  };
}

function failed({ runtimePath }: { runtimePath: string }, code = 'file.not_found'): CollectOutcome {
  const message = `${runtimePath}: it is not there`;
  return { outcome: 'failed', reasonClass: 'not_found', code, status: 404, message };
}

const collectAll: BctrlActivities['collectRuntimeFiles'] = async ({ files }) => files.map(collected);

describe('more than 20 files', () => {
  test('are collected in batches, at most `concurrency` at a time', async () => {
    const inputs: CollectRuntimeFilesInput[] = [];
    const gate = createGate();
    const collectRuntimeFiles: BctrlActivities['collectRuntimeFiles'] = async (input) => {
      inputs.push(input);
      await gate.pass();
      return input.files.map(collected);
    };
    const input = { runtimeId: RUNTIME, files: list(...paths(45)), batchSize: 10, concurrency: 2 };
    await execute({ activities: { collectRuntimeFiles } }, input, async (handle) => {
      await waitFor('two batches', () => inputs.length === 2);
      assert.equal((await fetchScheduledActivities(handle)).length, 2, 'the others are not even scheduled');
      gate.open();
      const report: PipelineReport = await handle.result();
      assert.deepEqual([report.counts.files, report.counts.collected, report.bytes], [45, 45, 225]);
      assert.deepEqual(
        report.files.map(({ runtimePath }) => runtimePath),
        paths(45),
      );
      const { workflowId, firstExecutionRunId } = handle;
      assert.ok(
        inputs.every(({ collectionKey }) => collectionKey === `${workflowId}/${firstExecutionRunId}`),
      );
      const events = await fetchScheduledActivities(handle);
      const summaries = events.map((event) =>
        Buffer.from(event.userMetadata?.summary?.data ?? []).toString(),
      );
      assert.deepEqual(summaries.toSorted(), [
        '"files 11–20 of 45"',
        '"files 1–10 of 45"',
        '"files 21–30 of 45"',
        '"files 31–40 of 45"',
        '"files 41–45 of 45"',
      ]);
    });
    assert.deepEqual(
      inputs.map(({ files }) => files.length),
      [10, 10, 10, 10, 5],
    );
    assert.deepEqual(
      inputs.map(({ checkExistingFirst }) => checkExistingFirst),
      Array(5).fill(false),
    );
  });

  test('have the same collection keys in a batch as alone', async () => {
    const keys: (string | undefined)[] = [];
    const activities: Partial<BctrlActivities> = {
      async collectRuntimeFile(input) {
        keys.push(`${input.collectionKey}/${fileKey(input)}`);
        if (input.runtimePath === '3.txt')
          throw ApplicationFailure.nonRetryable('not now', 'unauthorized', { reasonClass: 'unauthorized' });
        return await collectAny(input);
      },
      async collectRuntimeFiles({ files, collectionKey, checkExistingFirst }) {
        assert.equal(checkExistingFirst, true, 'one of them was tried before');
        keys.push(...files.map((file) => `${collectionKey}/${fileKey(file)}`));
        return files.map(collected);
      },
    };
    const input = { runtimeId: RUNTIME, files: list(...paths(20)), onFailure: 'hold' };
    await execute({ activities }, input, async (handle) => {
      await waitForPhase(handle, 'held');
      await handle.executeUpdate(ADD_FILES_UPDATE, { args: [{ files: list('20.txt') }] });
      await handle.executeUpdate(RESUME_UPDATE);
      assert.equal(((await handle.result()) as PipelineReport).counts.collected, 21);
    });
    const [third] = keys.filter((key) => key?.endsWith(fileKey({ runtimePath: '3.txt' })));
    assert.equal(keys.filter((key) => key === third).length, 2);
    assert.equal(new Set(keys).size, 21);
  });

  test('are joined by files that are added while they are collected', async () => {
    const gate = createGate();
    let batches = 0;
    const collectRuntimeFiles: BctrlActivities['collectRuntimeFiles'] = async ({ files }) => {
      batches += 1;
      if (batches === 1) await gate.pass();
      return files.map(collected);
    };
    const input = { runtimeId: RUNTIME, files: list(...paths(25)) };
    await execute({ activities: { collectRuntimeFiles } }, input, async (handle) => {
      await waitFor('the first batch', () => batches === 1);
      const added = await handle.executeUpdate(ADD_FILES_UPDATE, { args: [{ files: list(...paths(30)) }] });
      assert.deepEqual(added, { added: 5, known: 25 });
      await waitFor('the second batch', () => batches === 2);
      gate.open();
      assert.equal(((await handle.result()) as PipelineReport).counts.collected, 30);
    });
  });

  test('are missing or failed as the `ifMissing` of each says, if they do not exist', async () => {
    const collectRuntimeFiles: BctrlActivities['collectRuntimeFiles'] = async ({ files }) =>
      files.map((file) => (Number.parseInt(file.runtimePath, 10) < 3 ? failed(file) : collected(file)));
    const [a, b, ...others] = list(...paths(25));
    const files = [{ ...a, ifMissing: 'warn' }, { ...b, ifMissing: 'ignore' }, ...others];
    const report = await execute(
      { activities: { collectRuntimeFiles } },
      { runtimeId: RUNTIME, files },
      getFailedReport,
    );
    assert.deepEqual([report.counts.missing, report.counts.failed, report.counts.collected], [2, 1, 22]);
    assert.deepEqual(
      report.files.slice(0, 2).map(({ outcome, runtimePath }) => [outcome, runtimePath]),
      [
        ['missing', '0.txt'],
        ['failed', '2.txt'],
      ],
    );
    assert.deepEqual(report.warnings, ['missing: 0.txt: it is not there']);
  });

  test('have failed, whatever their `ifMissing`, if the runtime does not exist', async () => {
    const collectRuntimeFiles: BctrlActivities['collectRuntimeFiles'] = async ({ files }) =>
      files.map((file) => failed(file, 'runtime.not_found'));
    const files = paths(25).map((runtimePath) => ({ runtimePath, ifMissing: 'ignore' }));
    const report = await execute(
      { activities: { collectRuntimeFiles } },
      { runtimeId: RUNTIME, files },
      getFailedReport,
    );
    assert.equal(report.counts.failed, 25);
  });
});

describe('a batch that times out', () => {
  test('has the outcomes of its last heartbeat', async () => {
    const collectRuntimeFiles: BctrlActivities['collectRuntimeFiles'] = async ({ files }) => {
      const states = files.map((file, index) => ({
        failures: {},
        ...(index < 10 && { outcome: collected(file) }),
      }));
      const checkpoint = { files: states, consecutiveTrips: 0, lookupFailures: {}, lookupFromMs: 0 };
      Context.current().heartbeat({ attempt: 0, checkpoint });
      await Context.current().cancelled;
      return [];
    };
    const input = { runtimeId: RUNTIME, files: list(...paths(25)), giveUpAfter: '2s' };
    const activities = { collectRuntimeFiles };
    await execute({ activities }, input, async (handle) => {
      const report = await getFailedReport(handle);
      assert.deepEqual([report.counts.collected, report.counts.failed], [10, 15]);
      assert.equal((report.files[10] as FailedOutcome).reasonClass, 'upstream');
    });
  });
});

test('a report lists at most 900 files and 100 failures, and counts all', async () => {
  const collectRuntimeFiles: BctrlActivities['collectRuntimeFiles'] = async ({ files }) =>
    files.map((file) => (Number.parseInt(file.runtimePath, 10) % 10 === 0 ? failed(file) : collected(file)));
  const input = { runtimeId: RUNTIME, files: list(...paths(2_000)), batchSize: 500 };
  const report = await execute({ activities: { collectRuntimeFiles } }, input, getFailedReport);
  assert.deepEqual([report.counts.collected, report.counts.failed, report.bytes], [1_800, 200, 9_000]);
  const failures = report.files.filter(({ outcome }) => outcome === 'failed');
  assert.deepEqual([report.files.length, failures.length], [1_000, 100]);
});

test('a report with very long paths fits into a payload', async () => {
  const long = 'あ'.repeat(60);
  const files = list(...paths(1_500).map((path) => `${long}/${path}`));
  const report = await runPipeline(
    { collectRuntimeFiles: collectAll },
    { runtimeId: RUNTIME, files, batchSize: 1_000 },
  );
  assert.equal(report.counts.collected, 1_500);
  assert.ok(report.files.length < 700 && Buffer.byteLength(JSON.stringify(report)) < 300_000);
});

for (const [what, wrong, message] of [
  ['a batch of none', { batchSize: 0 }, /^batchSize: /],
  ['a batch that is too large', { batchSize: 1_001 }, /^batchSize: .*1000/],
  ['no batch at a time', { concurrency: 0 }, /^concurrency: /],
  ['too many batches at a time', { concurrency: 501 }, /^concurrency: .*500/],
  [
    'a list that no payload holds',
    { files: list(...paths(9_000).map((path) => `${'a'.repeat(130)}/${path}`)) },
    /^files: more than 1000000 bytes/,
  ],
] as const) {
  test(`${what} is refused`, async () => {
    const input = { runtimeId: RUNTIME, files: list('a.txt'), ...wrong };
    await execute({ activities: {} }, input, (handle) => assertRefused(handle, message));
  });
}

test('an outage of ten minutes costs few requests, and all 10,000 files are collected after it', async (t) => {
  const count = 10_000;
  const { gateway, runtimeId, activities } = await setUp(
    t,
    { 'a.txt': 'hello' },
    { onPathExists: 'keep-both' },
  );
  const files = Array.from({ length: count }, (_, index) => ({
    runtimePath: 'a.txt',
    destinationPath: `/out/${index}.txt`,
  }));
  let startMs: number | undefined;
  let endMs: number | undefined;
  const requests = () => Object.values(gateway.snapshot().requests).reduce((sum, of) => sum + of, 0);
  let [before, after] = [0, 0];
  const collectRuntimeFiles: BctrlActivities['collectRuntimeFiles'] = async (input) => {
    // Attempts are dated by the server's clock, which skips the delays between them.
    const { currentAttemptScheduledTimestampMs: nowMs } = Context.current().info;
    if (startMs === undefined && gateway.snapshot().files.length > 0.4 * count) {
      startMs = nowMs;
      before = requests();
      gateway.setFaults([{ operation: '*', fault: { kind: 'reset' } }]);
    } else if (startMs !== undefined && endMs === undefined && nowMs > startMs + 10 * MINUTE_MS) {
      endMs = nowMs;
      after = requests();
      gateway.setFaults([]);
    }
    return await activities.collectRuntimeFiles(input);
  };
  const input = { runtimeId, files };
  const execution = { activities: { ...activities, collectRuntimeFiles }, debugMode: false };
  await execute(execution, input, async (handle) => {
    const report: PipelineReport = await handle.result();
    assert.equal(report.counts.collected, count);
    const { phase } = await handle.query<PipelineProgress>(PROGRESS_QUERY);
    assert.equal(phase, 'done');
  });
  assert.ok(startMs !== undefined && endMs !== undefined, 'there was an outage');
  const perSecond = (after - before) / ((endMs - startMs) / 1_000);
  t.diagnostic(`${after - before} requests in ${(endMs - startMs) / 1_000} s of outage`);
  assert.ok(perSecond < 2, `${perSecond} requests a second`);
  const made = gateway.snapshot().files.map(({ path }) => path);
  assert.deepEqual([made.length, new Set(made).size], [count, count]);
});
