import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { WorkflowNotFoundError } from '@temporalio/common';
import { hasStatus } from '../../src/cli/temporal/session.js';
import { grpcStatus } from '../../src/client/grpc-status.js';
import { useDevServer } from '../support/dev-server.js';
import { type GrpcProxy, startGrpcProxy } from '../support/grpc-proxy.js';
import { refuse, registered, runOk, setUpRunbook, waitUntilListed } from '../support/runbook.js';
import { waitFor } from '../support/wait-for.js';

const temporal = useDevServer({ searchAttributes: registered });

// The server takes half a minute to delete a run.
describe('Temporal deletes a pipeline while a command reads it', {
  concurrency: true,
  timeout: 240_000,
}, () => {
  for (const call of ['DescribeWorkflowExecution', 'GetWorkflowExecutionHistory']) {
    test(`result --files, before its second ${call}`, async (t) => {
      const proxy = await startGrpcProxy(t, temporal.address);
      const { shell, work, start } = await setUpRunbook(t, temporal, {}, { TEMPORAL_ADDRESS: proxy.address });
      await work();
      const { id, workflowHandle } = await start();
      await workflowHandle.result();

      const isDeleted = deleteBefore(proxy, call, 2, id, await readRunId(id));
      assert.deepEqual(await shell.run('bctrl-temporal result "$id" --files', { id }), {
        code: 2,
        stdout: '',
        stderr: `bctrl-temporal: there is no workflow with the id "${id}"; if Temporal has deleted it, add --runtime <runtimeId>\n`,
      });
      assert.ok(isDeleted());
    });
  }

  test('result --files leaves out a run that was listed', async (t) => {
    const proxy = await startGrpcProxy(t, temporal.address);
    const { gateway, shell, work, start } = await setUpRunbook(
      t,
      temporal,
      { faults: [refuse(403)] },
      { TEMPORAL_ADDRESS: proxy.address },
    );
    await work();
    const { id, workflowHandle } = await start();
    await assert.rejects(workflowHandle.result());
    const runId = await readRunId(id);
    gateway.setFaults([]);
    await runOk(shell, 'bctrl-temporal rerun "$id" --wait', { id });
    await waitUntilListed(temporal, `RunId = '${runId}'`);

    // The first call waits for the result, and the second one reads the rerun.
    const isDeleted = deleteBefore(proxy, 'GetWorkflowExecutionHistory', 3, id, runId);
    const stdout = await runOk(shell, 'bctrl-temporal result "$id" --files', { id });
    assert.ok(isDeleted());
    const files = stdout
      .trim()
      .split('\n')
      .map((line): { runtimePath?: string } => JSON.parse(line));
    assert.deepEqual(
      files.map(({ runtimePath }) => runtimePath).toSorted(),
      ['b.txt', undefined],
      'only the deleted run had named a.txt',
    );
  });

  test('rerun --all-failed leaves out a pipeline that was listed', async (t) => {
    const proxy = await startGrpcProxy(t, temporal.address);
    const { shell, work, start } = await setUpRunbook(
      t,
      temporal,
      { faults: [refuse(403)] },
      { TEMPORAL_ADDRESS: proxy.address },
    );
    await work();
    const [one, other] = [await start(), await start()];
    for (const { id, workflowHandle } of [one, other]) {
      await assert.rejects(workflowHandle.result());
      await waitUntilListed(temporal, `WorkflowId = '${id}' AND ExecutionStatus = 'Failed'`);
    }

    const isDeleted = deleteBefore(proxy, 'GetWorkflowExecutionHistory', 1, one.id, await readRunId(one.id));
    const stdout = await runOk(shell, 'bctrl-temporal rerun --all-failed --dry-run --json');
    assert.ok(isDeleted());
    // Those of the other tests are there too.
    const { pipelines }: { pipelines: { workflowId: string }[] } = JSON.parse(stdout);
    const ids = pipelines.map(({ workflowId }) => workflowId);
    assert.deepEqual([ids.includes(one.id), ids.includes(other.id)], [false, true]);
  });
});

async function readRunId(id: string): Promise<string> {
  return (await temporal.client.workflow.getHandle(id).describe()).runId;
}

/** Deletes a run before the nth call of this name and later ones are passed on. The result tells whether it has. */
function deleteBefore(
  { held }: GrpcProxy,
  call: string,
  n: number,
  workflowId: string,
  runId: string,
): () => boolean {
  let calls = 0;
  let deletion: Promise<void> | undefined;
  held.set(call, () => {
    calls += 1;
    if (calls >= n) deletion ??= deleteRun(workflowId, runId);
    return deletion;
  });
  return () => deletion !== undefined;
}

/** Resolves when the run cannot be read any more. */
async function deleteRun(workflowId: string, runId: string): Promise<void> {
  const { workflowService, workflow } = temporal.client;
  const workflowExecution = { workflowId, runId };
  await workflowService.deleteWorkflowExecution({ namespace: 'default', workflowExecution });
  await waitFor('the run to be deleted', async () => {
    const run = workflow.getHandle(workflowId, runId);
    const [described, read] = await Promise.allSettled([run.describe(), run.fetchHistory()]);
    if (described.status === 'fulfilled' || read.status === 'fulfilled') return false;
    assert.ok(described.reason instanceof WorkflowNotFoundError, String(described.reason));
    assert.ok(hasStatus(read.reason, grpcStatus.NOT_FOUND), String(read.reason));
    return true;
  });
}
