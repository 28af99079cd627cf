import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import { RawValue } from '@temporalio/common';
import { JOB_FINISHED_SIGNAL, POST_RUN_PIPELINE, RESUME_UPDATE } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import { useDevServer } from '../support/dev-server.js';
import { readCommands, refuse, runOk, setUpRunbook } from '../support/runbook.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';

const TIMEOUT_MS = 120_000;

const temporal = useDevServer();

const toPayload = (encoding: string, data: string) => ({
  metadata: { encoding: Buffer.from(encoding) },
  data: Buffer.from(data),
});

/** Payloads that the SDK cannot decode, and what it says of each. */
const undecodable = [
  { what: 'broken JSON', payload: toPayload('json/plain', '{'), problem: /in JSON at position 1/ },
  {
    what: 'an encoding of somebody else',
    payload: toPayload('binary/nope', 'x'),
    problem: /Unknown encoding: binary\/nope/,
  },
];

describe('a payload that cannot be decoded', { concurrency: true, timeout: TIMEOUT_MS }, () => {
  test('a pipeline that was terminated while it was stuck is not started again, which would repeat files', async (t) => {
    const { gateway, shell, work, start } = await setUpRunbook(t, temporal);
    await work();
    const files = [{ runtimePath: 'a.txt' }, { runtimePath: 'late.txt', appearsWithin: '1h' }] as const;
    const { id, runtime, workflowHandle: handle } = await start({ files });
    await waitForPhase(handle, 'collecting', ({ counts }) => counts.collected === 1);
    await handle.signal(JOB_FINISHED_SIGNAL, RawValue.fromPayload(toPayload('json/plain', '{')));
    // From then on the server refuses queries.
    await waitFor('three attempts', async () => ((await readTaskAttempt(handle)) ?? 1) >= 3);
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

  for (const { what, payload, problem } of undecodable) {
    const raw = RawValue.fromPayload(payload);

    test(`${what} in a signal stops a pipeline; status says why, and a reset leaves it out`, async (t) => {
      const { shell, work, start } = await setUpRunbook(t, temporal);
      await work();
      const { id, workflowHandle: handle } = await start({ waitFor: { signal: true } });
      await waitForPhase(handle, 'waiting');
      await handle.signal(JOB_FINISHED_SIGNAL, raw);
      await waitFor('a failed workflow task', async () => ((await readTaskAttempt(handle)) ?? 1) > 1);
      const status = await runOk(shell, 'bctrl-temporal status "$id"', { id });
      assert.match(status, /^stuck {6}attempt \d+ of its workflow task after /m);
      assert.match(status, problem);
      assert.doesNotMatch(status, /no worker polls/);

      const [reset = ''] = await readCommands('### A workflow task fails');
      await runOk(shell, reset, { id });
      const latest = temporal.client.workflow.getHandle(id);
      await waitForPhase(latest, 'waiting');
      await latest.signal(JOB_FINISHED_SIGNAL);
      const report: PipelineReport = await latest.result();
      assert.equal(report.counts.collected, 2);
    });

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

async function readTaskAttempt(handle: WorkflowHandle): Promise<number | null | undefined> {
  const { raw } = await handle.describe();
  return raw.pendingWorkflowTask?.attempt;
}
