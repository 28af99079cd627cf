import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import {
  ApplicationFailure,
  WorkflowFailedError,
  type WorkflowHandle,
  type WorkflowStartOptions,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { RawValue } from '@temporalio/common';
import {
  ADD_FILES_UPDATE,
  COLLECT_FILE,
  JOB_FINISHED_SIGNAL,
  POST_RUN_PIPELINE,
  RESUME_UPDATE,
} from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import type { ContinueAsNewState } from '../../src/workflows/continue-as-new-state.js';
import { FileList } from '../../src/workflows/file-list.js';
import { useDevServer } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

/** Half of a character. In JSON it is an escape sequence, which every server lets pass. */
const HALF = '\ud800';

/** Deeper than JSON.stringify can write; another client may. */
const DEEP = `${'{"a":'.repeat(30_000)}1${'}'.repeat(30_000)}`;

const list = (...paths: string[]) => paths.map((runtimePath) => ({ runtimePath }));
const files = list('a.txt');
const good = { runtimeId: 'rt_1', files };
const waitForSignal = { signal: true };
const many = <T>(length: number, item: (index: number) => T) =>
  Array.from({ length }, (_, index) => item(index));
const withFile = (fields: object) => ({ ...good, files: [{ runtimePath: 'a.txt', ...fields }] });
const toNext = (next: object) => ({ ...good, next });
const unknownFields = Object.fromEntries(many(150_000, (index) => [`f${index}`, 0]));

/** A payload with exactly this JSON. */
function raw(json: string | Buffer): RawValue {
  return RawValue.fromPayload({ metadata: { encoding: Buffer.from('json/plain') }, data: Buffer.from(json) });
}

const rawPipeline = (field: string) => raw(`{"runtimeId":"rt_1","files":[{"runtimePath":"a.txt"}],${field}}`);

/** Inputs of a pipeline, and the message of its failure. */
const pipelines: [what: string, input: unknown, names: RegExp][] = [
  ['a lone surrogate as runtime', { ...good, runtimeId: HALF }, /^runtimeId: is not well-formed/],
  ['one in a workflow type', toNext({ workflowType: `x${HALF}` }), /^next\.workflowType: is not well-formed/],
  [
    'one in a task queue',
    toNext({ workflowType: 'x', taskQueue: HALF }),
    /^next\.taskQueue: is not well-formed/,
  ],
  [
    'one in a path',
    { ...good, files: list('a.txt', `b${HALF}`) },
    /^files\[1\]\.runtimePath: is not well-formed/,
  ],
  ['one in the name of a field', { ...good, [HALF]: 1 }, /^\ufffd: must not be the name of a field/],
  [
    'one deep in metadata',
    withFile({ metadata: { a: [{ b: HALF }] } }),
    /^files\[0\]\.metadata\.a\[0\]….*: is not/,
  ],
  [
    'one in a name of metadata',
    withFile({ metadata: { [HALF]: 1 } }),
    /^files\[0\]\.metadata\.\ufffd: must not/,
  ],
  [
    'one in an invocation',
    { ...good, waitFor: { invocationIds: [HALF] } },
    /^waitFor\.invocationIds\[0\]: is not/,
  ],
  ['one where a choice is expected', { ...good, onFailure: HALF }, /^onFailure: is not well-formed/],
  ['one as the whole input', HALF, /^is not well-formed/],
  [
    'one in the bytes of the JSON',
    raw(Buffer.from('7b2272756e74696d654964223a22eda080227d', 'hex')),
    /^runtimeId: is not|^files: /,
  ],
  [
    'a runtime of 300,000 characters',
    { ...good, runtimeId: 'x'.repeat(300_000), files: many(20, (n) => ({ runtimePath: `${n}` })) },
    /^runtimeId: must be at most 500 bytes/,
  ],
  ['a runtime of control characters', { ...good, runtimeId: '\u0000' }, /^runtimeId: must have no control/],
  ['rerunOf of 1 MB', { ...good, rerunOf: 'x'.repeat(1_000_000) }, /^rerunOf: must be at most 2000 bytes/],
  [
    'rerunOf of 12 KB as JSON',
    { ...good, rerunOf: '\u0001'.repeat(2_000) },
    /^rerunOf: must be at most 2000/,
  ],
  [
    'a pointer of 60 KB for each of 100 invocations',
    { ...good, waitFor: { invocationIds: many(100, String) }, filesFromOutput: `/${'x'.repeat(60_000)}` },
    /^filesFromOutput: must be at most 1000 bytes/,
  ],
  [
    '101 invocations',
    { ...good, waitFor: { invocationIds: many(101, String) } },
    /^waitFor\.invocationIds: .*100/,
  ],
  ['no millisecond', { ...good, giveUpAfter: 1e-9 }, /^giveUpAfter: expected a duration/],
  [
    'more milliseconds than Temporal counts',
    { ...good, giveUpAfter: 1e300 },
    /^giveUpAfter: expected a duration/,
  ],
  [
    'more years than its clocks have',
    { ...good, waitFor: { ...waitForSignal, timeout: '9000y' } },
    /^waitFor\.timeout: expected a duration/,
  ],
  ['a number that JSON does not have', rawPipeline('"giveUpAfter":1e400'), /^giveUpAfter: is not a finite/],
  ['a huge number of batches', { ...good, concurrency: 1e300 }, /^concurrency: /],
  [
    'a workflow type of 2,000 bytes',
    toNext({ workflowType: 'é'.repeat(1_000) }),
    /^next\.workflowType: must be at most 1000 bytes/,
  ],
  [
    'a task queue of 2,000 bytes',
    toNext({ workflowType: 'x', taskQueue: 'é'.repeat(1_000) }),
    /^next\.taskQueue: must be at most 1000 bytes/,
  ],
  [
    'a task queue of Temporal itself',
    toNext({ workflowType: 'x', taskQueue: '/_sys/x' }),
    /^next\.taskQueue: must not begin with \/_sys\//,
  ],
  [
    'metadata of 30,000 levels',
    raw(`{"runtimeId":"rt_1","files":[{"runtimePath":"a","metadata":${DEEP}}]}`),
    /^files\[0\]\.metadata\.a.*levels deep$/,
  ],
  ['an unknown field of 30,000 levels', rawPipeline(`"teapot":${DEEP}`), /^teapot\.a.*levels deep$/],
  [
    'metadata of 100 KB',
    withFile({ metadata: { note: 'x'.repeat(100_000) } }),
    /^files\[0\]\.metadata: must be at most 65536/,
  ],
  ['150,000 unknown fields', { ...good, ...unknownFields }, /^Unrecognized key: "f0"$/],
  [
    'an unknown field with a name of 1 MB',
    { ...good, ['x'.repeat(1_000_000)]: 1 },
    /^Unrecognized key: "…x{130}"$/,
  ],
  ['150,000 files', { ...good, files: many(150_000, () => ({})) }, /^files: .*10000/],
  [
    '10,000 files with two errors each',
    { ...good, files: many(10_000, () => ({ x: 1 })) },
    /^files\[0\]\.runtimePath: is missing/,
  ],
  [
    'files of 1.5 MB',
    { ...good, files: many(400, (index) => ({ runtimePath: `${index}${'x'.repeat(3_800)}` })) },
    /^files: more than 1000000 bytes/,
  ],
  ['the field __proto__', rawPipeline('"__proto__":{"onFailure":"hold"}'), /^__proto__: must not be/],
  ['the field constructor', rawPipeline('"constructor":{}'), /^Unrecognized key: "constructor"/],
  ['null for a field', { ...good, waitFor: null }, /^waitFor: /],
  ['null', null, /expected object/],
  ['an array', [good], /expected object/],
  ['bytes', new Uint8Array(1_000_000), /expected JSON, received bytes/],
];

/** Inputs of `collectFile`, and the message of its failure. */
const collects: typeof pipelines = [
  ['a lone surrogate as path', { runtimeId: 'rt_1', runtimePath: HALF }, /^runtimePath: is not well-formed/],
  [
    'a path of 1 MB',
    { runtimeId: 'rt_1', runtimePath: 'x'.repeat(1_000_000) },
    /^runtimePath: must be at most 4096/,
  ],
  [
    'metadata of 30,000 levels',
    raw(`{"runtimeId":"rt_1","runtimePath":"a","metadata":${DEEP}}`),
    /^metadata\.a.*deep$/,
  ],
];

/** Arguments of an update to a held pipeline, and the message of its rejection. */
const updates: [name: string, what: string, args: unknown[], names: RegExp][] = [
  [RESUME_UPDATE, 'a lone surrogate', [{ runtimePaths: [HALF] }], /^runtimePaths\[0\]: is not well-formed/],
  [RESUME_UPDATE, 'one in the name of a field', [{ [HALF]: 1 }], /^\ufffd: must not be the name of a field/],
  [RESUME_UPDATE, 'a lone surrogate instead of an object', [HALF], /^is not well-formed/],
  [RESUME_UPDATE, 'null', [null], /expected object/],
  [RESUME_UPDATE, 'a list', [['missing.txt']], /expected object/],
  [RESUME_UPDATE, '10,001 paths', [{ runtimePaths: many(10_001, String) }], /^runtimePaths: .*10000/],
  [
    RESUME_UPDATE,
    'a path of 1 MB',
    [{ runtimePaths: ['x'.repeat(1_000_000)] }],
    /^runtimePaths\[0\]: must be at most 4096/,
  ],
  [
    RESUME_UPDATE,
    'a path of 4 KB that has not failed',
    [{ runtimePaths: ['x'.repeat(4_096)] }],
    /^"…x+" is not among/,
  ],
  [RESUME_UPDATE, '30,000 levels', [raw(`{"runtimePaths":${DEEP}}`)], /^runtimePaths\.a.*levels deep$/],
  [ADD_FILES_UPDATE, 'no argument', [], /expected object/],
  [
    ADD_FILES_UPDATE,
    'a lone surrogate',
    [{ files: list(HALF) }],
    /^files\[0\]\.runtimePath: is not well-formed/,
  ],
  [
    ADD_FILES_UPDATE,
    'metadata of 30,000 levels',
    [raw(`{"files":[{"runtimePath":"a","metadata":${DEEP}}]}`)],
    /^files\[0\]\.metadata.*deep$/,
  ],
  [ADD_FILES_UPDATE, '150,000 files', [{ files: many(150_000, () => ({})) }], /^files: .*10000/],
  [ADD_FILES_UPDATE, '150,000 unknown fields', [{ files, ...unknownFields }], /^Unrecognized key: "f0"$/],
];

/** Arguments of the signal `jobFinished`. They are ignored. */
const signals: [what: string, argument: unknown][] = [
  ['a lone surrogate', { invocationId: HALF }],
  ['one in the name of a field', { [HALF]: 1 }],
  ['null', null],
  ['a text', 'done'],
  ['an id of 1 MB', { invocationId: 'x'.repeat(1_000_000) }],
  ['30,000 levels', raw(DEEP)],
  ['150,000 unknown fields', unknownFields],
];

const temporal = useDevServer();

/** Fails as soon as a workflow task is retried, which would never end. */
async function waitForEnd(handle: WorkflowHandle): Promise<void> {
  await waitFor('the end of a workflow', async () => {
    const { status, raw } = await handle.describe();
    const attempt = raw.pendingWorkflowTask?.attempt ?? 0;
    assert.ok(attempt <= 1, `attempt ${attempt} of a workflow task`);
    return status.name !== 'RUNNING';
  });
}

async function assertNoTaskFailed(handle: WorkflowHandle): Promise<void> {
  const { events } = await handle.fetchHistory();
  const failed = events?.find((event) => event.workflowTaskFailedEventAttributes);
  assert.equal(failed?.workflowTaskFailedEventAttributes?.failure?.message, undefined);
}

async function getFailure(handle: WorkflowHandle): Promise<ApplicationFailure> {
  await waitForEnd(handle);
  await assertNoTaskFailed(handle);
  const error = await handle.result().catch((thrown: unknown) => thrown);
  assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure, String(error));
  return error.cause;
}

function assertRefusal({ type, message }: ApplicationFailure, names: RegExp): void {
  assert.match(message, names);
  assert.ok(message.isWellFormed() && message.length < 500, `${message.length} characters`);
  assert.ok(type === 'invalid_input' || type === 'conflict', String(type));
}

async function start(
  taskQueue: string,
  args: unknown[],
  { type = POST_RUN_PIPELINE, ...options }: Partial<WorkflowStartOptions> & { type?: string } = {},
) {
  return await temporal.client.workflow.start(type, {
    taskQueue,
    workflowId: randomUUID(),
    ...options,
    args,
  });
}

async function startAll(t: TestContext) {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const taskQueue = gateway.runtimeId;
  const worker = await startWorkerProcess(t, {
    address: temporal.address,
    gatewayUrl: gateway.url,
    taskQueue,
  });
  return { gateway, taskQueue, worker };
}

test('hostile input is refused in one clear failure, and the worker goes on', async (t) => {
  const { gateway, taskQueue, worker } = await startAll(t);
  const { runtimeId } = gateway;
  const toPipeline = (destinationPath: string) => ({
    runtimeId,
    files: [{ runtimePath: 'a.txt', destinationPath }],
  });

  for (const [type, rows] of Object.entries({ [POST_RUN_PIPELINE]: pipelines, [COLLECT_FILE]: collects })) {
    for (const [what, input, names] of rows) {
      await t.test(`${type} is started with ${what}`, async () => {
        const failure = await getFailure(await start(taskQueue, [input], { type }));
        assertRefusal(failure, names);
        assert.equal(failure.type, 'invalid_input');
      });
    }
  }

  await t.test('a pipeline is started with no argument', async () => {
    assertRefusal(await getFailure(await start(taskQueue, [])), /expected object/);
  });

  await t.test('a wrong start comes with a wrong signal', async () => {
    const handle = await temporal.client.workflow.signalWithStart(POST_RUN_PIPELINE, {
      taskQueue,
      workflowId: randomUUID(),
      args: [{ ...good, runtimeId: HALF }],
      signal: JOB_FINISHED_SIGNAL,
      signalArgs: [HALF],
    });
    assertRefusal(await getFailure(handle), /^runtimeId: is not well-formed/);
  });

  await t.test('updates of a held pipeline', async (t) => {
    const input = { runtimeId, files: list('missing.txt'), onFailure: 'hold' };
    const handle = await start(taskQueue, [input]);
    await waitForPhase(handle, 'held');
    for (const [name, what, args, names] of updates) {
      await t.test(`${name} is sent with ${what}`, async () => {
        const error = await handle
          .executeUpdate(name, { args: args as [unknown] })
          .catch((thrown: unknown) => thrown);
        assert.ok(
          error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure,
          String(error),
        );
        assertRefusal(error.cause, names);
      });
    }
    await gateway.addFile('missing.txt');
    await handle.executeUpdate(RESUME_UPDATE);
    assert.equal(((await handle.result()) as PipelineReport).counts.collected, 1);
    await assertNoTaskFailed(handle);
  });

  await t.test('signals are ignored', async (t) => {
    for (const [what, argument] of signals) {
      await t.test(`jobFinished is sent with ${what}`, async () => {
        const handle = await temporal.client.workflow.signalWithStart(POST_RUN_PIPELINE, {
          taskQueue,
          workflowId: randomUUID(),
          args: [{ runtimeId, waitFor: waitForSignal }],
          signal: JOB_FINISHED_SIGNAL,
          signalArgs: [argument],
        });
        assert.equal((await waitForPhase(handle, 'waiting')).waitingForSignal, true);
        await handle.signal(JOB_FINISHED_SIGNAL);
        await waitForEnd(handle);
        await assertNoTaskFailed(handle);
        assert.equal(((await handle.result()) as PipelineReport).outcome, 'succeeded');
      });
    }
  });

  const foreignState = {
    firstExecutionRunId: randomUUID(),
    files: new FileList().toState(),
    mustCheckExisting: false,
    jobs: [],
  } satisfies ContinueAsNewState;
  for (const [what, second] of [
    ['an empty object', {}],
    ['null', null],
    ['a state of another chain of runs', foreignState],
    ['a lone surrogate', HALF],
  ] as const) {
    await t.test(`a cron start has ${what} for a second argument, which all its runs ignore`, async () => {
      const input = toPipeline(`/cron/${what}`);
      const handle = await start(taskQueue, [input, second], { cronSchedule: '@every 1s' });
      for (const runId of [handle.firstExecutionRunId, await getNextRunId(handle)]) {
        const run = temporal.client.workflow.getHandle(handle.workflowId, runId);
        await waitForEnd(run);
        assert.equal((await run.describe()).status.name, 'COMPLETED');
        await assertNoTaskFailed(run);
      }
      await handle.terminate();
    });
  }

  await t.test(
    'the id of the next workflow has no prefix of 980 bytes, which would make it too long',
    async () => {
      const input = { ...toPipeline('/long-id'), next: { workflowType: 'nobody', taskQueue: 'nobody' } };
      const handle = await start(taskQueue, [input], { workflowId: 'é'.repeat(490) });
      await waitForEnd(handle);
      await assertNoTaskFailed(handle);
      const { next } = (await handle.result()) as PipelineReport;
      assert.match(next?.outcome === 'started' ? next.workflowId : '', /^post-run-next\/[0-9a-f]{32}$/);
    },
  );

  await t.test('a workflow id of control characters, which are six times as long in JSON', async () => {
    const input = toPipeline('/control-characters');
    const handle = await start(taskQueue, [input], { workflowId: '\u0001'.repeat(990) });
    await waitForEnd(handle);
    await assertNoTaskFailed(handle);
    const { metadata } = gateway.snapshot().files.find(({ path }) => path === '/control-characters') ?? {};
    assert.ok(JSON.stringify(metadata).length < 200);
  });

  await t.test('a job names impossible files', async (t) => {
    for (const [what, output, names] of [
      ['a lone surrogate', ['a.txt', HALF], /\[1\]\.runtimePath: is not well-formed/],
      [
        'one in metadata',
        [{ runtimePath: 'a.txt', metadata: { a: HALF } }],
        /metadata\.a: is not well-formed/,
      ],
      ['150,000 paths', many(150_000, String), /10000/],
      ['a path of 1 MB', ['x'.repeat(1_000_000)], /\[0\]\.runtimePath: must be at most 4096 bytes/],
    ] as const) {
      await t.test(what, async () => {
        const { id } = await gateway.createInvocation({ runtimeId, durationMs: 0, output });
        const handle = await start(taskQueue, [
          { runtimeId, waitFor: { invocationIds: [id] }, filesFromOutput: '' },
        ]);
        const failure = await getFailure(handle);
        assert.equal(failure.type, 'PipelineFailed');
        const [report] = failure.details as [PipelineReport];
        assert.match(report.jobs[0]?.problem?.message ?? '', names);
      });
    }
  });

  await t.test('input of the largest allowed size is accepted', async (t) => {
    const name = 'é'.repeat(500);
    const next = { workflowType: name, taskQueue: name };
    const type = many(100, (index) => `${index}`.padStart(255));
    const toFile = (index: number) => ({
      runtimePath: 'a.txt',
      destinationPath: `/largest/${index}`,
      metadata: { a: 'x'.repeat(65_500) },
    });
    const largest: [what: string, input: object][] = [
      ['names of another workflow', { ...toPipeline('/largest/name'), next }],
      ['keys', { ...toPipeline('/largest/key'), rerunOf: '"'.repeat(1_000) }],
      ['types', { ...toPipeline('/largest/type'), exportArchive: { type } }],
      ['metadata', { runtimeId, files: many(15, toFile) }],
    ];
    for (const [what, input] of largest) {
      await t.test(what, async () => {
        const handle = await start(taskQueue, [input]);
        await waitForEnd(handle);
        await assertNoTaskFailed(handle);
        assert.equal((await handle.describe()).status.name, 'COMPLETED');
      });
    }
  });

  await t.test('a good pipeline on the same worker completes, and SIGTERM ends the worker', async () => {
    const handle = await start(taskQueue, [toPipeline('/last')]);
    assert.equal(((await handle.result()) as PipelineReport).counts.collected, 1);
    worker.child.kill('SIGTERM');
    assert.equal((await worker.ended).code, 0);
  });
});

/** The run id of the second run of a cron schedule. */
async function getNextRunId(handle: WorkflowHandle & { firstExecutionRunId: string }): Promise<string> {
  return await waitFor('the second run', async () => {
    const { runId } = await temporal.client.workflow.getHandle(handle.workflowId).describe();
    return runId !== handle.firstExecutionRunId && runId;
  });
}
