import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WorkflowFailedError } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';
import { type BctrlActivities, readFailure, readReport } from 'bctrl-temporal';
import { apiFailure, type FaultRule, type GatewayOptions } from 'bctrl-temporal/testing';
import type { BctrlActivityOptions, BctrlFailure, PipelineReport } from 'bctrl-temporal/workflow';
import { createTestActivities } from '../support/activities.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { createTimeSkippingEnv, withWorker } from '../support/temporal.js';
import { waitFor } from '../support/wait-for.js';
import type { CollectAllOptions } from './own-workflows.js';

let env: TestWorkflowEnvironment;
let workflowBundle: WorkflowBundle;
before(async () => {
  env = await createTimeSkippingEnv();
  workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./own-workflows.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
});
after(() => env.teardown());

interface Run {
  readonly type: string;
  readonly args: unknown[];
  readonly activities?: object;
}

/** Starts a workflow of the user on a worker of its own, which runs as long as `use`. */
async function start<T>(
  { type, args, activities }: Run,
  use: (handle: ReturnType<typeof env.client.workflow.getHandle>) => Promise<T>,
): Promise<T> {
  return await withWorker(
    env,
    { workflowBundle, ...(activities && { activities }) },
    async (taskQueue) =>
      await use(await env.client.workflow.start(type, { taskQueue, workflowId: randomUUID(), args })),
  );
}

const execute = <T>(run: Run): Promise<T> => start(run, (handle) => handle.result() as Promise<T>);

/** Waits until a workflow fails, and returns what its client catches. */
async function executeToFailure(run: Run): Promise<WorkflowFailedError> {
  const error = await execute(run).then(
    () => assert.fail('it succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof WorkflowFailedError, String(error));
  return error;
}

async function setUp(t: TestContext, options: GatewayOptions = {}) {
  const gateway = await startTestGateway(t, options);
  for (const path of ['a.csv', 'b.csv', 'results.csv']) await gateway.addFile(path);
  return { gateway, runtimeId: gateway.runtimeId, activities: createTestActivities(t, gateway.url) };
}

describe('proxyBctrlActivities', () => {
  const names = [
    'waitForInvocation',
    'collectRuntimeFile',
    'collectRuntimeFiles',
    'verifyCollectedFiles',
    'getActiveRun',
    'exportRunFiles',
    'stopRuntime',
  ].sort();

  const activities = Object.fromEntries(names.map((name) => [name, async () => undefined]));

  async function schedule(options: BctrlActivityOptions) {
    return await start({ type: 'runAll', args: [options], activities }, async (handle) => {
      await handle.result();
      const { events } = await handle.fetchHistory();
      const scheduled = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes, userMetadata }) => {
        const { activityType, taskQueue, scheduleToCloseTimeout, priority } =
          activityTaskScheduledEventAttributes ?? {};
        if (!activityType?.name) return [];
        const summary = userMetadata?.summary?.data;
        return {
          name: activityType.name,
          taskQueue: taskQueue?.name,
          timeoutS: Number(scheduleToCloseTimeout?.seconds),
          summary: summary ? JSON.parse(Buffer.from(summary).toString()) : undefined,
          fairnessKey: priority?.fairnessKey || undefined,
        };
      });
      assert.deepEqual(scheduled.map(({ name }) => name).sort(), names);
      const [started] = events ?? [];
      const ownQueue = started?.workflowExecutionStartedEventAttributes?.taskQueue?.name;
      return { scheduled, ownQueue };
    });
  }

  test('gives every activity each of its options', async () => {
    const options = {
      giveUpAfter: '7m',
      waitTimeout: '3h',
      summary: 'as asked',
      fairnessKey: 'tenant-1',
    } as const;
    const taskQueue = 'bctrl';
    const { scheduled } = await withWorker(env, { workflowBundle, activities, taskQueue }, () =>
      schedule({ ...options, taskQueue }),
    );
    for (const { name, ...options } of scheduled) {
      const timeoutS = name === 'waitForInvocation' ? 3 * 3_600 : 7 * 60;
      const expected = { taskQueue, timeoutS, summary: 'as asked', fairnessKey: 'tenant-1' };
      assert.deepEqual(options, expected, name);
    }
  });

  test('without options waits for 24 hours, retries for 6, and uses the workflow’s task queue', async () => {
    const { scheduled, ownQueue } = await schedule({});
    for (const { name, ...options } of scheduled) {
      const timeoutS = (name === 'waitForInvocation' ? 24 : 6) * 3_600;
      assert.deepEqual(
        options,
        { taskQueue: ownQueue, timeoutS, summary: undefined, fairnessKey: undefined },
        name,
      );
    }
  });

  test('waits for a file that appears after 20 s, alone and in a batch, with nothing set but appearsWithin', async (t) => {
    const { gateway, runtimeId, activities } = await setUp(t);
    const startedMs = await env.currentTimeMs();
    const attempts = { single: 0, batch: 0 };
    /** The job writes the file when the virtual time has come. */
    const writeWhenDue = async () => {
      if ((await env.currentTimeMs()) - startedMs >= 20_000) await gateway.addFile('late.csv');
    };
    const collecting: Partial<BctrlActivities> = {
      async collectRuntimeFile(input) {
        attempts.single += 1;
        await writeWhenDue();
        return await activities.collectRuntimeFile(input);
      },
      async collectRuntimeFiles(input) {
        attempts.batch += 1;
        await writeWhenDue();
        return await activities.collectRuntimeFiles(input);
      },
    };
    const args = [{ runtimeId, runtimePath: 'late.csv', appearsWithin: '1m' }];
    const paths = await execute({ type: 'collectLateFile', args, activities: collecting });
    assert.deepEqual(paths, ['/single', '/batched']);
    assert.ok(attempts.single > 1 && attempts.batch > 1, JSON.stringify(attempts));
  });
});

describe('two collects of one workflow never give each other’s file:', () => {
  const lostResponses: FaultRule = { operation: 'collect', times: 2, fault: { kind: 'drop-response' } };

  /** Which source each result really has, by what the gateway stored, or its failure. */
  async function collectAll(
    { gateway, activities }: Awaited<ReturnType<typeof setUp>>,
    inputs: object[],
    options: CollectAllOptions,
  ) {
    const results = await execute<(string | BctrlFailure)[]>({
      type: 'collectAll',
      args: [inputs, options],
      activities,
    });
    const { files } = gateway.snapshot();
    return results.map((result) => {
      if (typeof result !== 'string') return result.code;
      const { runtimeId, runtimePath } = files.find(({ id }) => id === result) ?? {};
      return [runtimeId, runtimePath];
    });
  }

  for (const withKey of [true, false]) {
    for (const inParallel of [true, false]) {
      for (const faults of [[], [lostResponses]]) {
        const how = [
          withKey ? 'with collectionKey()' : 'without a collectionKey',
          inParallel ? 'in parallel' : 'one after the other',
          ...(faults.length > 0 ? ['after a lost response'] : []),
        ].join(', ');
        const options = { withKey, inParallel };

        test(`${how}, of two sources`, async (t) => {
          const setting = await setUp(t, { faults });
          const { runtimeId } = setting;
          const inputs = [
            { runtimeId, runtimePath: 'a.csv' },
            { runtimeId, runtimePath: 'b.csv', destinationPath: '/results.csv' },
            { runtimeId, runtimePath: 'results.csv' },
          ];
          const sources = await collectAll(setting, inputs, options);
          assert.deepEqual(
            sources,
            inputs.map((input) => [input.runtimeId, input.runtimePath]),
          );
          assert.equal(setting.gateway.snapshot().files.length, 3);
        });

        for (const [what, toSecond] of [
          ['of two sources with one destination', async () => ({ runtimePath: 'b.csv' })],
          [
            'of the same path in two runtimes, with one destination',
            async (gateway: TestGateway) => ({
              runtimePath: 'a.csv',
              runtimeId: await gateway.createRuntime({ 'a.csv': 'of another runtime' }),
            }),
          ],
        ] as const) {
          test(`${how}, ${what}`, async (t) => {
            const setting = await setUp(t, { faults });
            const { runtimeId, gateway } = setting;
            const first = { runtimeId, runtimePath: 'a.csv', destinationPath: '/results.csv' };
            const second = { ...first, ...(await toSecond(gateway)) };
            const sources = await collectAll(setting, [first, second], options);
            const [stored] = gateway.snapshot().files;
            const expected = [first, second].map((input) =>
              input.runtimeId === stored?.runtimeId && input.runtimePath === stored.runtimePath
                ? [input.runtimeId, input.runtimePath]
                : 'storage_file.path_exists',
            );
            assert.deepEqual(sources, expected);
            assert.equal(gateway.snapshot().files.length, 1);
          });
        }
      }
    }
  }
});

describe('the report of a failed pipeline', () => {
  const files = [{ runtimePath: 'a.csv' }, { runtimePath: 'none.csv' }];

  function assertReport(report: PipelineReport | undefined, runtimeId: string, outcome: string) {
    assert.deepEqual([report?.runtimeId, report?.outcome], [runtimeId, outcome]);
    assert.equal(report?.counts.collected, 1);
    assert.deepEqual(
      report.files.map((file) => [file.runtimePath, file.outcome, 'code' in file && file.code]),
      [
        ['a.csv', 'collected', false],
        ['none.csv', 'failed', 'file.not_found'],
      ],
    );
  }

  test('is read by a workflow that executed it as a child', async (t) => {
    const { runtimeId, activities } = await setUp(t);
    const input = { runtimeId, files, stopRuntime: 'on-success' };
    const report = await execute<PipelineReport>({ type: 'runPipeline', args: [input], activities });
    assertReport(report, runtimeId, 'failed');
    assert.equal(report.stopRuntime?.outcome, 'skipped');
  });

  test('is read by a workflow whose child was abandoned', async (t) => {
    const { runtimeId, activities } = await setUp(t);
    const args = [{ runtimeId, files, onFailure: 'hold' }];
    const report = await start({ type: 'runPipeline', args, activities }, async (handle) => {
      const child = env.client.workflow.getHandle(`${handle.workflowId}/child`);
      await waitFor('a held child', async () => {
        const progress = await child.query<{ phase: string }>('progress').catch(() => undefined);
        return progress?.phase === 'held';
      });
      await child.executeUpdate('abandon');
      return (await handle.result()) as PipelineReport;
    });
    assertReport(report, runtimeId, 'abandoned');
  });

  test('is read by a client of the pipeline, and is what the pipeline wrote', async (t) => {
    const { runtimeId, activities } = await setUp(t);
    const args = [{ runtimeId, files, exportArchive: {}, next: { workflowType: 'any' } }];
    const error = await executeToFailure({ type: 'postRunPipeline', args, activities });
    const report = readReport(error);
    assertReport(report, runtimeId, 'failed');
    assert.ok(error.cause && 'details' in error.cause && Array.isArray(error.cause.details));
    assert.deepEqual(report, error.cause.details[0]);
    assert.equal(readFailure(error), undefined);
  });

  test('is read by a client of a workflow that puts its own failure around the child’s', async (t) => {
    const { runtimeId, activities } = await setUp(t);
    const error = await executeToFailure({ type: 'failAround', args: [{ runtimeId, files }], activities });
    assertReport(readReport(error), runtimeId, 'failed');
  });
});

describe('the failure of an activity', () => {
  test('is read by the workflow that called it', async (t) => {
    const { runtimeId, activities } = await setUp(t);
    const args = [[{ runtimeId, runtimePath: 'none.csv' }], { inParallel: false, withKey: true }];
    const [failure] = await execute<BctrlFailure[]>({ type: 'collectAll', args, activities });
    assert.match(failure?.message ?? '', /^none\.csv: POST .* returned 404/);
    assert.deepEqual(
      [failure?.reasonClass, failure?.code, failure?.status, failure?.retryable],
      ['not_found', 'file.not_found', 404, false],
    );
  });

  test('is read by a client, with the details of the API, through a failure of the user’s own', async (t) => {
    const details = { field: 'runtimePath' };
    const body = { code: 'x.y', error: 'No.', reasonClass: 'invalid_input', hint: 'Do this.', details };
    const fault = { kind: 'respond', status: 400, body } as const;
    const { runtimeId, activities } = await setUp(t, { faults: [{ operation: 'collect', fault }] });
    const args = [{ runtimeId, runtimePath: 'a.csv' }];
    const failure = readFailure(await executeToFailure({ type: 'failAround', args, activities }));
    assert.deepEqual(
      [failure?.reasonClass, failure?.code, failure?.hint, failure?.details],
      ['invalid_input', 'x.y', 'Do this.', details],
    );
  });

  test('that ran out of time is retryable', async (t) => {
    const fault = { kind: 'respond', status: 503 } as const;
    const { runtimeId, activities } = await setUp(t, { faults: [{ operation: 'collect', fault }] });
    const args = [{ runtimeId, runtimePath: 'a.csv', giveUpAfter: '1m' }];
    const failure = readFailure(await executeToFailure({ type: 'collectFile', args, activities }));
    assert.deepEqual([failure?.reasonClass, failure?.status, failure?.retryable], ['upstream', 503, true]);
  });
});

describe('apiFailure in a mocked activity', () => {
  async function collect(mock: (attempt: number) => void) {
    let attempts = 0;
    const collectRuntimeFile: BctrlActivities['collectRuntimeFile'] = async () => {
      attempts += 1;
      mock(attempts);
      return { id: 'file_1' };
    };
    const args = [[{ runtimeId: 'rt_1', runtimePath: 'a.csv' }], { inParallel: false }];
    const [result] = await execute<(string | BctrlFailure)[]>({
      type: 'collectAll',
      args,
      activities: { collectRuntimeFile },
    });
    return { attempts, result };
  }

  test('of a final class is read by readFailure, and not retried', async () => {
    const said = { message: 'no such file', code: 'file.not_found', status: 404, requestId: 'req_1' };
    const { attempts, result } = await collect(() => {
      throw apiFailure('not_found', { ...said, hint: 'Wait.', details: { path: 'a.csv' } });
    });
    assert.equal(attempts, 1);
    assert.deepEqual(result, {
      reasonClass: 'not_found',
      ...said,
      hint: 'Wait.',
      details: { path: 'a.csv' },
      retryable: false,
    });
  });

  test('of a retryable class is retried', async () => {
    const { attempts, result } = await collect((attempt) => {
      if (attempt < 3) throw apiFailure('rate_limited', { retryAfter: '2m' });
    });
    assert.deepEqual([attempts, result], [3, 'file_1']);
  });

  test('of a final class that is retryable is retried', async () => {
    const { attempts, result } = await collect((attempt) => {
      if (attempt < 2) throw apiFailure('not_found', { retryable: true });
    });
    assert.deepEqual([attempts, result], [2, 'file_1']);
  });
});
