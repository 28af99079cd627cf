import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { Client } from '@temporalio/client';
import { type BctrlActivities, createActivities } from '../../src/activities/create-activities.js';
import { COLLECT_FILE, POST_RUN_PIPELINE, RERUN_INPUT_QUERY } from '../../src/shared/names.js';
import type { PipelineInput } from '../../src/shared/pipeline-input.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import { createTestClient } from '../support/client.js';
import { startTestGateway } from '../support/gateway.js';
import {
  endedJob,
  env,
  execute,
  fetchScheduledActivities,
  getFailedReport,
  type Handle,
  list,
  RUNTIME,
  toFile,
  useTimeSkippingServer,
} from '../support/pipeline.js';
import { withWorker } from '../support/temporal.js';

useTimeSkippingServer();

/** A worker on which every activity is used: the outcome of each file is unclear, so that it is looked up. */
const activities: BctrlActivities = {
  waitForInvocation: async ({ invocationId }) => endedJob(invocationId),
  getActiveRun: async () => 'run_1',
  collectRuntimeFile: async (input) => ({ ...toFile(input), unverified: true }),
  collectRuntimeFiles: async ({ files }) =>
    files.map(() => ({ outcome: 'collected', fileId: 'file_1', unverified: true })),
  verifyCollectedFiles: async () => ({ files: {}, moreDuplicates: 0 }),
  exportRunFiles: async () => ({ id: 'file_2' }),
  stopRuntime: async () => {},
};

/** Few files have an activity each, many share a batch. */
const sizes = { 'one by one': 1, 'in a batch': 21 };

const toInput = (count: number): PipelineInput => ({
  runtimeId: RUNTIME,
  waitFor: { invocationIds: ['inv_1'] },
  files: list(...Array.from({ length: count }, (_, index) => `${index}.txt`)),
  exportArchive: {},
  stopRuntime: 'always',
});

/** The input of each activity of a workflow, as text. */
async function getActivityInputs(handle: Handle): Promise<Record<string, string>> {
  const events = await fetchScheduledActivities(handle);
  return Object.fromEntries(
    events.map(({ activityTaskScheduledEventAttributes: scheduled }) => [
      scheduled?.activityType?.name ?? '',
      Buffer.from(scheduled?.input?.payloads?.[0]?.data ?? []).toString(),
    ]),
  );
}

for (const [how, count] of Object.entries(sizes)) {
  describe(`a pipeline that collects its files ${how}`, () => {
    test('names its account to every activity', async () => {
      const input = { ...toInput(count), account: 'eu' };
      const inputs = await execute({ activities }, input, async (handle) => {
        await handle.result();
        return await getActivityInputs(handle);
      });
      const unused = count === 1 ? 'collectRuntimeFiles' : 'collectRuntimeFile';
      const used = Object.keys(activities).filter((name) => name !== unused);
      assert.deepEqual(Object.keys(inputs).sort(), used.sort());
      for (const [name, text] of Object.entries(inputs)) assert.equal(JSON.parse(text).account, 'eu', name);
    });

    test('names none if it has none: the inputs are the same bytes as before there were accounts', async () => {
      const input = toInput(count);
      await execute({ activities }, input, async (handle) => {
        await handle.result();
        const { collectRuntimeFile, collectRuntimeFiles, verifyCollectedFiles, ...inputs } =
          await getActivityInputs(handle);
        const key = `${handle.workflowId}/${handle.firstExecutionRunId}`;
        const runtime = `"runtimeId":"${RUNTIME}"`;
        const keyInput = `"collectionKey":"${key}","checkExistingFirst":false,${runtime}}`;
        assert.deepEqual(inputs, {
          waitForInvocation: `{${runtime},"invocationId":"inv_1"}`,
          getActiveRun: `{${runtime}}`,
          exportRunFiles: `{"runId":"run_1","idempotencyKey":"${key}/archive"}`,
          stopRuntime: `{${runtime}}`,
        });
        const collect = count === 1 ? collectRuntimeFile : collectRuntimeFiles;
        const files = JSON.stringify(input.files);
        const expected = count === 1 ? '{"runtimePath":"0.txt",' : `{"files":${files},"brief":false,`;
        assert.equal(collect, expected + keyInput);
        assert.match(
          String(verifyCollectedFiles),
          new RegExp(`^{${runtime},"collectionKey":"${key}","collected":\\[.*\\],"failed":\\[\\]}$`),
        );
      });
    });
  });
}

test('collectFile names its account to its activities', async () => {
  const input = { runtimeId: RUNTIME, runtimePath: 'a.txt', account: 'eu' };
  await execute({ type: COLLECT_FILE, activities }, input, async (handle) => {
    await handle.result();
    const inputs = await getActivityInputs(handle);
    assert.deepEqual(Object.keys(inputs), ['collectRuntimeFile', 'verifyCollectedFiles']);
    for (const text of Object.values(inputs)) assert.equal(JSON.parse(text).account, 'eu');
  });
});

test('the input for a rerun has the account', async (t) => {
  const client = createTestClient(t, 'http://127.0.0.1:9');
  const input = { runtimeId: RUNTIME, account: 'us', files: list('a.txt') };
  await execute({ activities: createActivities({ clients: { eu: client } }) }, input, async (handle) => {
    const { files } = await getFailedReport(handle);
    assert.deepEqual(files, [
      {
        outcome: 'failed',
        runtimePath: 'a.txt',
        reasonClass: 'invalid_input',
        message: 'account: the worker has no client "us"; it has "eu"',
      },
    ]);
    const { account } = await handle.query<PipelineInput>(RERUN_INPUT_QUERY);
    assert.equal(account, 'us');
  });
});

/** Two APIs, each with a key of its own, and a worker that has both. */
async function setUpAccounts(t: TestContext) {
  const statuses: (number | undefined)[] = [];
  const hooks = {
    onRequest() {},
    onResponse: (_: unknown, status: number | undefined) => void statuses.push(status),
    onRateLimitPause() {},
  };
  const keys = { eu: 'eu-key', us: 'us-key' };
  const [eu, us] = [
    await startTestGateway(t, { apiKeys: [keys.eu] }),
    await startTestGateway(t, { apiKeys: [keys.us] }),
  ];
  const clients = {
    eu: createTestClient(t, eu.url, { apiKey: keys.eu, hooks }),
    us: createTestClient(t, us.url, { apiKey: keys.us, hooks }),
  };
  for (const gateway of [eu, us]) {
    for (let index = 0; index < 30; index += 1) await gateway.addFile(`${index}.txt`);
  }
  return { eu, us, statuses, activities: createActivities({ clients, listSettleTime: 0 }) };
}

test('two pipelines of one worker collect side by side, each with the key of its account', async (t) => {
  const { eu, us, statuses, activities } = await setUpAccounts(t);
  const paths = Array.from({ length: 30 }, (_, index) => `${index}.txt`);
  const gateways = { eu, us };
  // It waits in real time. The clock of the server may skip to the timeout of one workflow while the other is busy.
  const client = new Client({ connection: env.connection });
  await withWorker(env, { activities }, async (taskQueue) => {
    const run = async (account: 'eu' | 'us'): Promise<void> => {
      const { runtimeId } = gateways[account];
      const input = { runtimeId, account, files: list(...paths), exportArchive: {}, stopRuntime: 'always' };
      const options = { taskQueue, workflowId: account, args: [input] };
      const report: PipelineReport = await client.workflow.execute(POST_RUN_PIPELINE, options);
      assert.deepEqual([report.outcome, report.counts.collected], ['succeeded', 30]);
    };
    await Promise.all([run('eu'), run('us')]);
  });
  for (const gateway of [eu, us]) {
    const collected = gateway.snapshot().files.flatMap(({ runtimePath }) => runtimePath ?? []);
    assert.deepEqual(collected.sort(), [...paths].sort());
  }
  assert.deepEqual(new Set(statuses), new Set([200, 201]));
});

test('a file of one account is not collected with the key of another', async (t) => {
  const { eu, us, activities } = await setUpAccounts(t);
  const input = { runtimeId: eu.runtimeId, account: 'us', files: list('0.txt') };
  const report = await execute({ activities }, input, getFailedReport);
  assert.deepEqual([report.counts.failed, eu.snapshot().requests], [1, {}]);
  assert.deepEqual([eu.snapshot().files, us.snapshot().files], [[], []]);

  const { account: _, ...withoutAccount } = input;
  const refused = await execute({ activities }, withoutAccount, getFailedReport);
  const [file] = refused.files;
  assert.ok(file?.outcome === 'failed');
  assert.equal(file.reasonClass, 'invalid_input');
  assert.match(
    file.message,
    /^account: is missing, and the worker has no client "default"; it has "eu", "us"$/,
  );
  assert.deepEqual(eu.snapshot().files, []);
});
