import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { WorkflowFailedError, type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, type Payload, RawValue } from '@temporalio/common';
import { JOB_FINISHED_SIGNAL, POST_RUN_PIPELINE, RESUME_UPDATE } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import { useDevServer } from '../support/dev-server.js';
import { readCommands, refuse, runOk, type Shell, setUpRunbook } from '../support/runbook.js';
import { waitFor, waitForPhase, waitForTaskAttempt } from '../support/wait-for.js';

const temporal = useDevServer();

const toPayload = (encoding: string, data: string) => ({
  metadata: { encoding: Buffer.from(encoding) },
  data: Buffer.from(data),
});

/** Payloads that the SDK cannot decode, and what it says of each. */
const brokenJson = {
  what: 'broken JSON',
  payload: toPayload('json/plain', '{'),
  problem: /in JSON at position 1/,
};
const foreign = {
  what: 'an encoding of somebody else',
  payload: toPayload('binary/nope', 'x'),
  problem: /Unknown encoding: binary\/nope/,
};
const undecodable = [brokenJson, foreign];

/** No worker of the tests has the key. */
const encrypted = RawValue.fromPayload(toPayload('binary/encrypted', 'x'));

const waiting = [
  {
    what: 'an encrypted payload',
    raw: encrypted,
    problem: /a payload is encrypted in a format of another program/,
  },
  { ...foreign, raw: RawValue.fromPayload(foreign.payload) },
];

const TRACE_HEADER = '_tracer-data';

describe('a payload that cannot be decoded', { concurrency: true }, () => {
  test('a pipeline that was terminated while it was stuck is not started again, which would repeat files', async (t) => {
    const { gateway, shell, work, start } = await setUpRunbook(t, temporal);
    await work();
    const files = [{ runtimePath: 'a.txt' }, { runtimePath: 'late.txt', appearsWithin: '1h' }] as const;
    const { id, runtime, workflowHandle: handle } = await start({ files });
    await waitForPhase(handle, 'collecting', ({ counts }) => counts.collected === 1);
    await handle.signal(JOB_FINISHED_SIGNAL, encrypted);
    // From then on the server refuses queries.
    await waitForTaskAttempt(handle, 3);
    await handle.terminate();
    assert.deepEqual(await shell.run('bctrl-temporal rerun "$id"', { id }), {
      code: 2,
      stdout: '',
      stderr:
        'bctrl-temporal: its workflow task failed, so that it cannot say what is left; reset it instead (docs/runbook.md)\n',
    });
    const [reset = ''] = await readCommands('### A workflow task fails');
    await runOk(shell, reset, { id });
    const latest = temporal.client.workflow.getHandle(id);
    await waitForPhase(latest, 'collecting');
    await gateway.writeFiles(runtime, { 'late.txt': 'late' });
    const report: PipelineReport = await latest.result();
    assert.deepEqual([report.counts.collected, gateway.snapshot().files.length], [2, 2]);
  });

  // Another worker may have the key, or the codec.
  for (const { what, raw, problem } of waiting) {
    test(`${what} in a signal stops a pipeline; status says why, and a reset leaves it out`, async (t) => {
      const { shell, work, start } = await setUpRunbook(t, temporal);
      await work();
      const { id, workflowHandle: handle } = await start({ waitFor: { signal: true } });
      await waitForPhase(handle, 'waiting');
      await handle.signal(JOB_FINISHED_SIGNAL, raw);
      assert.match(await readStuckStatus(shell, handle), problem);

      const [reset = ''] = await readCommands('### A workflow task fails');
      await runOk(shell, reset, { id });
      const latest = temporal.client.workflow.getHandle(id);
      await waitForPhase(latest, 'waiting');
      await latest.signal(JOB_FINISHED_SIGNAL);
      const report: PipelineReport = await latest.result();
      assert.equal(report.counts.collected, 2);
    });
  }

  test('broken JSON in a signal is logged and ignored, also in a replay', async (t) => {
    const { work, start } = await setUpRunbook(t, temporal);
    const worker = await work();
    const { id, workflowHandle: handle } = await start({ waitFor: { signal: true } });
    await waitForPhase(handle, 'waiting');
    await handle.signal(JOB_FINISHED_SIGNAL, RawValue.fromPayload(brokenJson.payload));
    const isIgnored = (line: string) =>
      line.includes('The signal jobFinished is ignored: its argument cannot be decoded') &&
      line.includes(id) &&
      brokenJson.problem.test(JSON.parse(line).problem);
    await waitFor('the line of the log', async () => worker.stderr().split('\n').some(isIgnored));
    worker.child.kill('SIGTERM');
    await worker.ended;

    // Replays what the first worker did.
    await work();
    await waitForPhase(handle, 'waiting', ({ counts }) => counts.collected === 0);
    await handle.signal(JOB_FINISHED_SIGNAL);
    const report: PipelineReport = await handle.result();
    assert.equal(report.counts.collected, 2);
  });

  test('broken JSON in a signal that starts a pipeline is ignored too', async (t) => {
    const { gateway, work } = await setUpRunbook(t, temporal);
    await work();
    const runtimeId = await gateway.createRuntime({ 'a.txt': 'a' });
    const input = { runtimeId, files: [{ runtimePath: 'a.txt' }], waitFor: { signal: true } };
    const workflowId = randomUUID();
    await temporal.client.workflowService.signalWithStartWorkflowExecution({
      namespace: 'default',
      workflowId,
      workflowType: { name: POST_RUN_PIPELINE },
      taskQueue: { name: gateway.runtimeId },
      requestId: randomUUID(),
      input: { payloads: [toPayload('json/plain', JSON.stringify(input))] },
      signalName: JOB_FINISHED_SIGNAL,
      signalInput: { payloads: [brokenJson.payload] },
    });
    const handle = temporal.client.workflow.getHandle(workflowId);
    await waitForPhase(handle, 'waiting');
    await handle.signal(JOB_FINISHED_SIGNAL);
    const report: PipelineReport = await handle.result();
    assert.equal(report.counts.collected, 1);
  });

  test('an encoding of somebody else in the input stops a pipeline, as another worker may know it', async (t) => {
    const { gateway, shell, work } = await setUpRunbook(t, temporal);
    await work();
    const handle = await startRaw(gateway.runtimeId, foreign.payload);
    assert.match(await readStuckStatus(shell, handle), foreign.problem);
    await handle.terminate();
  });

  test('broken JSON in the input fails a pipeline', async (t) => {
    const { gateway, work } = await setUpRunbook(t, temporal);
    await work();
    const handle = await startRaw(gateway.runtimeId, brokenJson.payload);
    await assert.rejects(handle.result(), (error) => {
      assert.ok(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure);
      assert.equal(error.cause.type, 'invalid_input');
      assert.match(error.cause.message, /^the input cannot be decoded: .* in JSON at position 1/);
      return true;
    });
  });

  for (const { what, payload, problem } of undecodable) {
    const raw = RawValue.fromPayload(payload);

    test(`${what} in an update is refused, and the pipeline goes on`, async (t) => {
      const { gateway, work, start } = await setUpRunbook(t, temporal, { faults: [refuse(403)] });
      await work();
      const { workflowHandle: handle } = await start({ onFailure: 'hold' });
      await waitForPhase(handle, 'held');
      const sent = handle.executeUpdate(RESUME_UPDATE, { args: [raw] });
      await assert.rejects(sent, (error) => {
        assert.ok(error instanceof WorkflowUpdateFailedError);
        assert.match(String(error.cause), problem);
        return true;
      });
      gateway.setFaults([]);
      await handle.executeUpdate(RESUME_UPDATE);
      const report: PipelineReport = await handle.result();
      assert.equal(report.counts.collected, 2);
    });

    test(`${what} in a header or in a signal that nobody handles changes nothing`, async (t) => {
      const { gateway, work } = await setUpRunbook(t, temporal);
      await work();
      const runtimeId = await gateway.createRuntime({ 'a.txt': 'a' });
      const workflowId = randomUUID();
      const taskQueue = { name: gateway.runtimeId };
      const start = {
        namespace: 'default',
        workflowId,
        workflowType: { name: POST_RUN_PIPELINE },
        taskQueue,
        requestId: randomUUID(),
        input: {
          payloads: [
            toPayload('json/plain', JSON.stringify({ runtimeId, files: [{ runtimePath: 'a.txt' }] })),
          ],
        },
        header: { fields: { tenant: payload } },
        signalName: 'unknown',
        signalInput: { payloads: [payload] },
      };
      await temporal.client.workflowService.signalWithStartWorkflowExecution(start);
      const report: PipelineReport = await temporal.client.workflow.getHandle(workflowId).result();
      assert.deepEqual([report.counts.collected, gateway.snapshot().files.length], [1, 1]);
    });
  }
});

test('a worker that traces drops a trace that it cannot read', async (t) => {
  const { gateway, work } = await setUpRunbook(t, temporal);
  await work({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
  const { workflowService } = temporal.client;
  const toJson = (value: unknown) => toPayload('json/plain', JSON.stringify(value));
  const unreadable = [
    ...undecodable.map(({ payload }) => payload),
    // OpenTelemetry does not decode these.
    toJson({ baggage: 'tenant=%' }),
    toJson({ baggage: 5 }),
  ];
  for (const payload of unreadable) {
    const header = { fields: { [TRACE_HEADER]: payload } };
    const runtimeId = await gateway.createRuntime({ 'a.txt': 'a' });
    const files = [{ runtimePath: 'a.txt' }];
    const input = toJson({ runtimeId, files, waitFor: { signal: true } });
    const handle = await startRaw(gateway.runtimeId, input, { header });
    await waitForPhase(handle, 'waiting');
    const workflowExecution = { workflowId: handle.workflowId };
    const signal = { namespace: 'default', workflowExecution, signalName: JOB_FINISHED_SIGNAL, header };
    await workflowService.signalWorkflowExecution({ ...signal, requestId: randomUUID() });
    const report: PipelineReport = await handle.result();
    assert.equal(report.counts.collected, 1);
  }
});

/** Starts a pipeline with an input as it is stored. */
async function startRaw(
  taskQueue: string,
  input: Payload,
  more: { header?: { fields: Record<string, Payload> } } = {},
): Promise<WorkflowHandle> {
  const workflowId = randomUUID();
  await temporal.client.workflowService.startWorkflowExecution({
    namespace: 'default',
    workflowId,
    workflowType: { name: POST_RUN_PIPELINE },
    taskQueue: { name: taskQueue },
    requestId: randomUUID(),
    input: { payloads: [input] },
    ...more,
  });
  return temporal.client.workflow.getHandle(workflowId);
}

/** What `status` prints once a workflow task has failed. */
async function readStuckStatus(shell: Shell, handle: WorkflowHandle): Promise<string> {
  await waitForTaskAttempt(handle, 2);
  const status = await runOk(shell, 'bctrl-temporal status "$id"', { id: handle.workflowId });
  assert.match(status, /^stuck {6}attempt \d+ of its workflow task after /m);
  assert.doesNotMatch(status, /no worker polls/);
  return status;
}
