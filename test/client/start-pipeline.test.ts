import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import {
  Client,
  type ClientOptions,
  Connection,
  isGrpcServiceError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
} from '@temporalio/client';
import { ApplicationFailure, type PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { indexedValueTypes } from '../../src/client/search-attributes.js';
import {
  DEFAULT_TASK_QUEUE,
  getPipelineHandle,
  type PipelineInput,
  pipelineWorkflowId,
  startPipeline,
} from '../../src/client.js';
import { searchAttributes } from '../../src/shared/search-attributes.js';
import { createTestActivities } from '../support/activities.js';
import { useDevServerEnv } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { withWorker } from '../support/temporal.js';
import { waitFor } from '../support/wait-for.js';

const { Duration } = proto.google.protobuf;

const allAttributes = Object.values(searchAttributes);

const getEnv = useDevServerEnv({
  searchAttributes: Object.fromEntries(
    allAttributes.map(({ name, type }) => [name, type === 'INT' ? 'Int' : 'Keyword']),
  ),
});

/** A pipeline of a runtime of its own, which no worker runs. */
const waitingInput = (...paths: string[]): PipelineInput => ({
  runtimeId: randomUUID(),
  waitFor: { invocationIds: ['inv_1', 'inv_2'] },
  files: paths.map((runtimePath) => ({ runtimePath })),
});

/** A gateway with one file, and activities for it. */
async function setUp(t: TestContext) {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const input: PipelineInput = { runtimeId: gateway.runtimeId, files: [{ runtimePath: 'a.txt' }] };
  return { gateway, input, activities: createTestActivities(t, gateway.url) };
}

/** A client with its own lazy connection, which is closed after the test. */
function createLazyClient(t: TestContext, address: string, options: Omit<ClientOptions, 'connection'> = {}) {
  const connection = Connection.lazy({ address });
  t.after(() => connection.close());
  return new Client({ ...options, connection });
}

describe('a start', () => {
  test('starts one pipeline however often it is called, and every caller gets its report', async (t) => {
    const { client } = getEnv();
    const { gateway, input, activities } = await setUp(t);
    await withWorker(getEnv(), { activities }, async (taskQueue) => {
      const start = () => startPipeline(client, input, { taskQueue });
      const pipelines = await Promise.all([start(), start(), start()]);
      assert.equal(pipelines.filter(({ isNew }) => isNew).length, 1);
      const reports = await Promise.all(pipelines.map((pipeline) => pipeline.result()));
      assert.deepEqual(
        reports.map(({ outcome, counts }) => [outcome, counts.collected]),
        [1, 2, 3].map(() => ['succeeded', 1]),
      );
      const late = await start();
      assert.deepEqual([late.isNew, late.isRunning], [false, false]);
      assert.deepEqual(await late.result(), reports[0]);
    });
    assert.equal(gateway.snapshot().files.length, 1);
  });

  test('whose response was lost is found by the next one', async (t) => {
    let starts = 0;
    const client = createLazyClient(t, getEnv().address, {
      interceptors: {
        workflow: [
          {
            async startWithDetails(input, next) {
              starts += 1;
              const output = await next(input);
              if (starts === 1) throw new Error('lost');
              return output;
            },
          },
        ],
      },
    });
    const input = waitingInput('a.txt');
    await assert.rejects(startPipeline(client, input), { message: 'lost' });
    const { isNew, isRunning } = await startPipeline(client, input);
    assert.deepEqual([isNew, isRunning, starts], [false, true, 2]);
  });

  test('has the workflow id, task queue, summary and search attributes of the starter', async () => {
    const { client } = getEnv();
    const input = waitingInput('a.txt', 'b.txt');
    const started = await startPipeline(client, input);
    assert.deepEqual(
      [started.isNew, started.isRunning, started.inputDiffers, started.unregisteredSearchAttributes],
      [true, true, false, []],
    );
    assert.equal(started.workflowId, pipelineWorkflowId(input));
    const description = await started.workflowHandle.describe();
    assert.deepEqual([description.type, description.taskQueue], ['postRunPipeline', DEFAULT_TASK_QUEUE]);
    assert.equal(await description.staticSummary(), `2 files of runtime ${input.runtimeId}`);
    assert.match(
      (await description.staticDetails()) ?? '',
      /- `inv_1`\n- `inv_2`\n[\s\S]*- `a.txt`\n- `b.txt`\n/,
    );
    const { typedSearchAttributes } = description;
    assert.deepEqual(
      allAttributes.map((key) => typedSearchAttributes.get(key)),
      [input.runtimeId, '', 'waiting', 0, 0],
    );
  });

  test('of an account names it, and is not that of another account', async () => {
    const { client } = getEnv();
    const input = waitingInput('a.txt');
    const start = (account: string) => startPipeline(client, { ...input, account });
    const started = await start('acme');
    assert.deepEqual([started.isNew, (await start('acme')).isNew], [true, false]);
    const other = await start('other');
    assert.equal(other.isNew, true);
    const description = await started.workflowHandle.describe();
    assert.equal(await description.staticSummary(), `1 file of runtime ${input.runtimeId}, account acme`);
    assert.match((await description.staticDetails()) ?? '', /^Runtime `.*`\n\nAccount `acme`\n/);
    assert.match((await (await other.workflowHandle.describe()).staticSummary()) ?? '', /, account other$/);
  });

  test('has a summary that Temporal takes, whatever the runtime and the account are called', async () => {
    const { client } = getEnv();
    const ids = { runtimeId: `${randomUUID()}${'あ'.repeat(140)}`, account: 'い'.repeat(90) };
    const { isNew } = await startPipeline(
      client,
      { ...waitingInput('a.txt'), ...ids },
      { workflowId: randomUUID() },
    );
    assert.equal(isNew, true);
  });

  test('with a workflow id of its own is found by that id', async () => {
    const { client } = getEnv();
    const workflowId = randomUUID();
    const input = waitingInput('a.txt');
    const started = await startPipeline(client, input, { workflowId, taskQueue: 'other' });
    assert.equal(started.workflowId, workflowId);
    const { workflowHandle } = getPipelineHandle(client, workflowId);
    assert.equal((await workflowHandle.describe()).taskQueue, 'other');
    assert.equal((await startPipeline(client, input, { workflowId })).isNew, false);
    assert.equal((await startPipeline(client, input)).isNew, true);
  });

  test('says that the pipeline of the same jobs was started with a different input', async () => {
    const { client } = getEnv();
    const input = waitingInput('a.txt', 'b.txt');
    await startPipeline(client, input);
    const { files = [] } = input;
    const reordered = {
      ...input,
      files: files.toReversed(),
      waitFor: { invocationIds: ['inv_2', 'inv_1'] },
    };
    for (const [again, differs] of [
      [input, false],
      [reordered, false],
      [{ ...input, concurrency: 4 }, false],
      [{ ...input, concurrency: 5 }, true],
      [{ ...input, files: files.slice(1) }, true],
    ] as const) {
      const { isNew, inputDiffers } = await startPipeline(client, again);
      assert.deepEqual([isNew, inputDiffers], [false, differs], JSON.stringify(again));
    }
  });

  test('runs an ended pipeline again only where `again` says so', async (t) => {
    const { client } = getEnv();
    const {
      gateway,
      input: { runtimeId },
      activities,
    } = await setUp(t);
    gateway.setFaults([{ operation: 'collect', fault: { kind: 'respond', status: 403 } }]);
    const input = { runtimeId, files: [{ runtimePath: 'a.txt', ifExists: 'keep' as const }] };
    await withWorker(getEnv(), { activities }, async (taskQueue) => {
      const start = (again?: 'always' | 'if-failed') => startPipeline(client, input, { taskQueue, again });
      await assert.rejects((await start()).result(), WorkflowFailedError);
      assert.equal((await start()).isNew, false);
      gateway.setFaults([]);
      const second = await start('if-failed');
      assert.equal(second.isNew, true);
      assert.equal((await second.result()).outcome, 'succeeded');
      assert.equal((await start('if-failed')).isNew, false);
      const third = await start('always');
      assert.equal(third.isNew, true);
      assert.equal((await third.result()).counts.kept, 1);
    });
  });

  test('never starts a running pipeline a second time', async () => {
    const { client } = getEnv();
    const input = waitingInput('a.txt');
    await startPipeline(client, input);
    const { isNew, isRunning } = await startPipeline(client, input, { again: 'always' });
    assert.deepEqual([isNew, isRunning], [false, true]);
  });

  for (const [input, message] of [
    [{ runtimeId: 'rt', files: [] }, 'files: expected at least one file, or waitFor'],
    [{ runtimeId: '', files: [{ runtimePath: 'a' }] }, 'runtimeId: must not be empty'],
    [{ runtimeId: 'rt', files: [{ runtimePath: '' }] }, 'files[0].runtimePath: must not be empty'],
  ] as const) {
    test(`refuses an input before anything is sent: ${message}`, async (t) => {
      const client = createLazyClient(t, '127.0.0.1:1');
      const isRefusal = (error: unknown) =>
        error instanceof ApplicationFailure && error.type === 'invalid_input' && error.message === message;
      await assert.rejects(startPipeline(client, { ...input, files: [...input.files] }), isRefusal);
      assert.throws(() => pipelineWorkflowId({ ...input, files: [...input.files] }), isRefusal);
    });
  }

  test('refuses the workflow id of another workflow', async () => {
    const { client } = getEnv();
    const workflowId = randomUUID();
    await client.workflow.start('order', { workflowId, taskQueue: 'other' });
    await assert.rejects(startPipeline(client, waitingInput('a.txt'), { workflowId }), (error) => {
      assert.ok(error instanceof WorkflowExecutionAlreadyStartedError);
      assert.deepEqual([error.workflowId, error.workflowType], [workflowId, 'order']);
      assert.equal(error.message, `"${workflowId}" is a workflow of type order`);
      return true;
    });
  });

  test('fails with a ServiceError if Temporal cannot be reached', async (t) => {
    const client = createLazyClient(t, '127.0.0.1:1');
    const start = () => startPipeline(client, waitingInput('a.txt'));
    await assert.rejects(client.withDeadline(Date.now() + 500, start), (error) => {
      return error instanceof ServiceError && isGrpcServiceError(error.cause);
    });
  });
});

describe('in a namespace without all search attributes', () => {
  async function registerNamespace(t: TestContext, attributes: typeof allAttributes): Promise<Client> {
    const { address, client } = getEnv();
    const namespace = randomUUID();
    const workflowExecutionRetentionPeriod = Duration.fromObject({ seconds: 86_400 });
    await client.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod });
    const other = createLazyClient(t, address, { namespace });
    const isKnown = () =>
      other.workflow.count().then(
        () => true,
        () => false,
      );
    await waitFor('the namespace', isKnown);
    if (attributes.length > 0) {
      const types = Object.fromEntries(attributes.map(({ name, type }) => [name, indexedValueTypes[type]]));
      await other.connection.operatorService.addSearchAttributes({ namespace, searchAttributes: types });
    }
    return other;
  }

  for (const registered of [[], [searchAttributes.runtimeId, searchAttributes.filesFailed]]) {
    test(`a pipeline is started with those ${registered.length} that it has`, async (t) => {
      const client = await registerNamespace(t, registered);
      const input = waitingInput('a.txt');
      const missing = allAttributes.filter((key) => !registered.includes(key)).map(({ name }) => name);
      const started = await startPipeline(client, input);
      assert.equal(started.isNew, true);
      assert.deepEqual(started.unregisteredSearchAttributes, missing);
      const { typedSearchAttributes } = await started.workflowHandle.describe();
      assert.deepEqual(
        registered.map((key) => typedSearchAttributes.get(key)),
        registered.length > 0 ? [input.runtimeId, 0] : [],
      );
      assert.equal((await startPipeline(client, input)).isNew, false);
    });
  }

  test('one of another type is left out', async (t) => {
    const client = await registerNamespace(t, []);
    const { namespace } = client.options;
    const types = Object.fromEntries(allAttributes.map(({ name }) => [name, indexedValueTypes.KEYWORD]));
    await client.connection.operatorService.addSearchAttributes({ namespace, searchAttributes: types });
    const { isNew, unregisteredSearchAttributes } = await startPipeline(client, waitingInput('a.txt'));
    assert.equal(isNew, true);
    assert.deepEqual(
      unregisteredSearchAttributes,
      allAttributes.filter(({ type }) => type === 'INT').map(({ name }) => name),
    );
  });
});

test('a client’s data converter encodes everything, and is understood by every method', async (t) => {
  const flip = (data: Uint8Array | null | undefined) => Uint8Array.from(data ?? [], (byte) => byte ^ 0xff);
  const encoding = new TextEncoder().encode('binary/flipped');
  const codec: PayloadCodec = {
    encode: async (payloads) =>
      payloads.map(({ data, metadata }) => ({
        data: flip(data),
        metadata: { ...metadata, original: metadata?.['encoding'] ?? encoding, encoding },
      })),
    decode: async (payloads) =>
      payloads.map((payload) => {
        const { original, ...metadata } = payload.metadata ?? {};
        if (original === undefined) return payload;
        return { data: flip(payload.data), metadata: { ...metadata, encoding: original } };
      }),
  };
  const dataConverter = { payloadCodecs: [codec] };
  const client = createLazyClient(t, getEnv().address, { dataConverter });
  const { gateway, input, activities } = await setUp(t);
  await gateway.addFile('b.txt');
  gateway.setFaults([{ operation: 'collect', fault: { kind: 'respond', status: 403 } }]);
  await withWorker(getEnv(), { activities, dataConverter }, async (taskQueue) => {
    const held = { ...input, onFailure: 'hold' as const };
    const pipeline = await startPipeline(client, held, { taskQueue });
    const other = { ...held, concurrency: 2 };
    assert.equal((await startPipeline(client, held)).inputDiffers, false);
    assert.equal((await startPipeline(client, other)).inputDiffers, true);
    await waitFor('the held pipeline', async () => (await pipeline.progress()).phase === 'held');
    assert.deepEqual(await pipeline.addFiles({ files: [{ runtimePath: 'b.txt' }] }), { added: 1, known: 0 });
    gateway.setFaults([]);
    await pipeline.resume();
    assert.equal((await pipeline.result()).counts.collected, 2);
    const { events } = await pipeline.workflowHandle.fetchHistory();
    const [payload] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
    assert.deepEqual(payload?.metadata?.['encoding'], Buffer.from(encoding));
  });
});
