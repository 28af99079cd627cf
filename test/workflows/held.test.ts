import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApplicationFailure, WorkflowUpdateFailedError } from '@temporalio/client';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import type { CollectRuntimeFileInput } from '../../src/shared/collect.js';
import {
  ABANDON_UPDATE,
  ADD_FILES_UPDATE,
  JOB_FINISHED_SIGNAL,
  RESUME_UPDATE,
} from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import { readFailure } from '../../src/shared/read-failure.js';
import type { FaultRule } from '../../src/testing.js';
import { fileNotFound } from '../support/faults.js';
import {
  collectAny,
  createGate,
  endedJob,
  env,
  execute,
  fetchEvents,
  getCurrentDetails,
  getElapsedMs,
  getFailedReport,
  type Handle,
  HOUR_MS,
  list,
  RUNTIME,
  runPipeline,
  setUp,
  toFile,
  useTimeSkippingServer,
} from '../support/pipeline.js';
import { waitForPhase } from '../support/wait-for.js';

useTimeSkippingServer();

const WEEK_MS = 7 * 24 * HOUR_MS;

/** Every collect fails as unauthorized until the lock is opened, as with an expired API key. */
function createLockedActivities() {
  const inputs: CollectRuntimeFileInput[] = [];
  const lock = { isOpen: false };
  const activities: Partial<BctrlActivities> = {
    async collectRuntimeFile(input) {
      inputs.push(input);
      if (lock.isOpen || input.runtimePath === 'good.txt') return toFile(input);
      throw ApplicationFailure.nonRetryable(`${input.runtimePath}: the key has expired`, 'unauthorized', {
        reasonClass: 'unauthorized',
      });
    },
  };
  return { activities, inputs, lock };
}

async function getRefusal(update: Promise<unknown>): Promise<ApplicationFailure> {
  const error = await update.then(
    (result) => assert.fail(`it was accepted: ${JSON.stringify(result)}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(
    error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure,
    String(error),
  );
  return error.cause;
}

describe('a held pipeline', () => {
  const input = { runtimeId: RUNTIME, files: list('good.txt', 'a.txt', 'b.txt'), onFailure: 'hold' };

  test('waits for weeks without a history event, and collects the failed files when it is resumed', async () => {
    const { activities, inputs, lock } = createLockedActivities();
    await execute({ activities }, input, async (handle) => {
      const { counts } = await waitForPhase(handle, 'held');
      assert.deepEqual([counts.collected, counts.failed], [1, 2]);
      assert.match(await getCurrentDetails(handle), /\*\*Held\.\*\* .*`resume`/);
      const events = await fetchEvents(handle);
      const isShown = events.some((event) => event.timerStartedEventAttributes);
      assert.ok(isShown, 'a timer shows it in the timeline');
      await env.sleep(3 * WEEK_MS);
      assert.equal((await fetchEvents(handle)).length, events.length);

      lock.isOpen = true;
      assert.deepEqual(await handle.executeUpdate(RESUME_UPDATE), { files: 2, jobs: 0 });
      const report: PipelineReport = await handle.result();
      assert.deepEqual([report.outcome, report.counts.collected, report.counts.failed], ['succeeded', 3, 0]);
      assert.deepEqual(
        report.files.map(({ runtimePath }) => runtimePath),
        ['good.txt', 'a.txt', 'b.txt'],
      );
      assert.ok((await getElapsedMs(handle)) >= 3 * WEEK_MS);
    });
    assert.equal(inputs.length, 5);
    const tries = inputs.filter(({ runtimePath }) => runtimePath === 'a.txt');
    assert.deepEqual(
      tries.map(({ checkExistingFirst }) => checkExistingFirst),
      [false, true],
      'the failed try may have copied the file',
    );
    assert.equal(tries[0]?.collectionKey, tries[1]?.collectionKey);
  });

  test('retries only the files that resume names, and is held again for the others', async () => {
    const { activities, lock } = createLockedActivities();
    await execute({ activities }, input, async (handle) => {
      await waitForPhase(handle, 'held');
      lock.isOpen = true;
      const resumed = await handle.executeUpdate(RESUME_UPDATE, { args: [{ runtimePaths: ['b.txt'] }] });
      assert.deepEqual(resumed, { files: 1, jobs: 0 });
      const { counts } = await waitForPhase(handle, 'held');
      assert.deepEqual([counts.collected, counts.failed], [2, 1]);
      await handle.executeUpdate(RESUME_UPDATE);
      assert.equal(((await handle.result()) as PipelineReport).counts.collected, 3);
    });
  });

  test('retries with the ifExists of the resume, which the files keep for later resumes', async () => {
    const { activities, inputs, lock } = createLockedActivities();
    await execute({ activities }, input, async (handle) => {
      await waitForPhase(handle, 'held');
      const resume = (argument: object) => handle.executeUpdate(RESUME_UPDATE, { args: [argument] });
      await resume({ runtimePaths: ['b.txt'], ifExists: 'keep' });
      await waitForPhase(handle, 'held');
      const wrong = await getRefusal(resume({ ifExists: 'replace' }));
      assert.deepEqual([wrong.type, /^ifExists: /.test(wrong.message)], ['invalid_input', true]);
      lock.isOpen = true;
      await resume({});
      await handle.result();
    });
    const tries = inputs.map(({ runtimePath, ifExists = 'unset' }) => `${runtimePath} ${ifExists}`);
    assert.deepEqual(
      tries.filter((each) => each.startsWith('b.txt')),
      ['b.txt unset', 'b.txt keep', 'b.txt keep'],
    );
    assert.ok(!tries.includes('a.txt keep'));
  });

  test('refuses resume for files that have not failed, with a wrong argument, and in any other phase', async () => {
    const { activities, lock } = createLockedActivities();
    await execute({ activities }, input, async (handle) => {
      await waitForPhase(handle, 'held');
      const resume = (argument: unknown) => handle.executeUpdate(RESUME_UPDATE, { args: [argument] });
      const good = await getRefusal(resume({ runtimePaths: ['a.txt', 'good.txt'] }));
      assert.deepEqual([good.type, good.message], ['conflict', '"good.txt" is not among the failed files']);
      assert.equal(readFailure(good)?.reasonClass, 'conflict');
      const wrong = await getRefusal(resume({ runtimePaths: [] }));
      assert.equal(wrong.type, 'invalid_input');
      assert.match(wrong.message, /^runtimePaths: /);
      lock.isOpen = true;
      await handle.executeUpdate(RESUME_UPDATE);
      await handle.result();
    });
  });

  test('fails with what it has when it is abandoned', async () => {
    const { activities } = createLockedActivities();
    await execute({ activities }, input, async (handle) => {
      await waitForPhase(handle, 'held');
      assert.deepEqual(await handle.executeUpdate(ABANDON_UPDATE), { files: 2 });
      const report = await getFailedReport(handle);
      assert.deepEqual([report.outcome, report.counts.collected, report.counts.failed], ['abandoned', 1, 2]);
    });
  });

  test('waits again for its job when it is resumed', async () => {
    let waits = 0;
    const activities: Partial<BctrlActivities> = {
      collectRuntimeFile: collectAny,
      async waitForInvocation({ invocationId }) {
        waits += 1;
        if (waits > 1) return endedJob(invocationId);
        throw ApplicationFailure.nonRetryable('the key has expired', 'unauthorized', {
          reasonClass: 'unauthorized',
        });
      },
    };
    const waitFor = { invocationIds: ['inv_1'] };
    await execute({ activities }, { ...input, waitFor }, async (handle) => {
      const { jobs, counts } = await waitForPhase(handle, 'held');
      assert.deepEqual([jobs[0]?.status, jobs[0]?.problem?.reasonClass], ['unknown', 'unauthorized']);
      assert.equal(counts.collected, 0);
      assert.deepEqual(await handle.executeUpdate(RESUME_UPDATE), { files: 0, jobs: 1 });
      const report: PipelineReport = await handle.result();
      assert.deepEqual([report.jobs[0]?.status, report.counts.collected], ['succeeded', 3]);
    });
  });

  test('accepts more files, and collects them when it is resumed', async () => {
    const { activities, lock } = createLockedActivities();
    await execute({ activities }, input, async (handle) => {
      await waitForPhase(handle, 'held');
      await handle.executeUpdate(ADD_FILES_UPDATE, { args: [{ files: list('c.txt') }] });
      lock.isOpen = true;
      await handle.executeUpdate(RESUME_UPDATE);
      assert.equal(((await handle.result()) as PipelineReport).counts.collected, 4);
    });
  });
});

test('a pipeline without onFailure: hold cannot be resumed or abandoned', async () => {
  const gate = createGate();
  const activities: Partial<BctrlActivities> = {
    async collectRuntimeFile(input) {
      await gate.pass();
      return toFile(input);
    },
  };
  await execute({ activities }, { runtimeId: RUNTIME, files: list('a.txt') }, async (handle) => {
    await waitForPhase(handle, 'collecting');
    for (const name of [RESUME_UPDATE, ABANDON_UPDATE]) {
      const { type, message } = await getRefusal(handle.executeUpdate(name));
      assert.deepEqual([type, message], ['conflict', 'the pipeline is not held (phase: collecting)']);
    }
    gate.open();
    await handle.result();
  });
});

describe('addFiles', () => {
  const add = (handle: Handle, ...files: object[]) =>
    handle.executeUpdate(ADD_FILES_UPDATE, { args: [{ files }] });

  test('to a waiting pipeline: new files are collected, and the result has their number', async () => {
    const input = { runtimeId: RUNTIME, waitFor: { signal: true }, files: list('a.txt') };
    await execute({ activities: { collectRuntimeFile: collectAny } }, input, async (handle) => {
      assert.deepEqual(await add(handle, ...list('a.txt', 'b.txt', 'b.txt')), { added: 1, known: 2 });
      await handle.signal(JOB_FINISHED_SIGNAL);
      assert.equal(((await handle.result()) as PipelineReport).counts.collected, 2);
    });
  });

  test('to a collecting pipeline: the new files do not wait for the slowest file', async () => {
    const gate = createGate();
    const collected: string[] = [];
    const activities: Partial<BctrlActivities> = {
      async collectRuntimeFile(input) {
        if (input.runtimePath === 'slow.txt') await gate.pass();
        collected.push(input.runtimePath);
        return toFile(input);
      },
    };
    const input = { runtimeId: RUNTIME, files: list('slow.txt') };
    await execute({ activities }, input, async (handle) => {
      await waitForPhase(handle, 'collecting');
      assert.deepEqual(await add(handle, ...list('b.txt')), { added: 1, known: 0 });
      await waitForPhase(handle, 'collecting', ({ counts }) => counts.collected > 0);
      gate.open();
      gate.open();
      await handle.result();
      assert.deepEqual(collected, ['b.txt', 'slow.txt']);
    });
  });

  test('is refused for a wrong file, for too many, and once the pipeline is finishing', async () => {
    const gate = createGate();
    const activities: Partial<BctrlActivities> = {
      collectRuntimeFile: collectAny,
      stopRuntime: async () => void (await gate.pass()),
    };
    const waitFor = { signal: true };
    const input = { runtimeId: RUNTIME, waitFor, files: list('a.txt'), stopRuntime: 'always' };
    await execute({ activities }, input, async (handle) => {
      const wrong = await getRefusal(add(handle, { runtimePath: 'b.txt' }, { path: 'c.txt' }));
      assert.equal(wrong.type, 'invalid_input');
      assert.match(wrong.message, /^files\[1\]\.runtimePath: /);
      const many = Array.from({ length: 10_000 }, (_, index) => ({ runtimePath: `${index}` }));
      const tooMany = await getRefusal(add(handle, ...many));
      assert.deepEqual(
        [tooMany.type, tooMany.message],
        ['conflict', 'files: the pipeline has 1 file; the limit is 10000 files and 1000000 bytes in all'],
      );

      await handle.signal(JOB_FINISHED_SIGNAL);
      await waitForPhase(handle, 'finishing');
      const late = await getRefusal(add(handle, { runtimePath: 'b.txt' }));
      assert.deepEqual(
        [late.type, late.message],
        ['conflict', 'the pipeline is finishing and takes no more files'],
      );
      gate.open();
      assert.equal(((await handle.result()) as PipelineReport).counts.files, 1);
    });
  });
});

describe('ifMissing', () => {
  for (const [ifMissing, outcome, warnings] of [
    [undefined, 'failed', 0],
    ['fail', 'failed', 0],
    ['warn', 'missing', 1],
    ['ignore', 'missing', 0],
  ] as const) {
    const reported = ifMissing === 'ignore' ? undefined : outcome;
    test(`${ifMissing ?? 'left out'}: a missing file is ${outcome}, with ${warnings} warnings`, async (t) => {
      const { runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' });
      const files = [...list('a.txt'), { runtimePath: 'gone.txt', ifMissing }];
      const report =
        outcome === 'failed'
          ? await execute({ activities }, { runtimeId, files }, getFailedReport)
          : await runPipeline(activities, { runtimeId, files });
      assert.deepEqual([report.counts.collected, report.counts[outcome]], [1, 1]);
      assert.deepEqual([report.files[1]?.outcome, report.warnings.length], [reported, warnings]);
    });
  }

  test('does not apply if the runtime does not exist', async (t) => {
    const { activities } = await setUp(t, {});
    const files = [{ runtimePath: 'a.txt', ifMissing: 'ignore' }];
    const report = await execute({ activities }, { runtimeId: RUNTIME, files }, getFailedReport);
    assert.equal(report.counts.failed, 1);
  });

  test('applies after the time of appearsWithin', async (t) => {
    const faults: FaultRule[] = [{ operation: 'collect', fault: fileNotFound }];
    const { runtimeId, activities } = await setUp(t, {}, { faults });
    const files = [{ runtimePath: 'late.txt', appearsWithin: '10m', ifMissing: 'warn' }];
    await execute({ activities }, { runtimeId, files }, async (handle) => {
      const report: PipelineReport = await handle.result();
      assert.equal(report.counts.missing, 1);
      const elapsedMs = await getElapsedMs(handle);
      assert.ok(elapsedMs >= 600_000 && elapsedMs < 620_000, `${elapsedMs} ms`);
    });
  });
});
