import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, type TestContext, test } from 'node:test';
import {
  ABANDON_UPDATE,
  POST_RUN_PIPELINE,
  RERUN_INPUT_QUERY,
  RESUME_UPDATE,
} from '../../src/shared/names.js';
import type { PipelineInput } from '../../src/shared/pipeline-input.js';
import type { PipelineNotice, PipelineReport } from '../../src/shared/pipeline-report.js';
import type { GatewayOptions } from '../../src/testing.js';
import {
  assertRefused,
  env,
  execute,
  getCurrentDetails,
  getFailedReport,
  getFailure,
  type Handle,
  list,
  setUp,
  useTimeSkippingServer,
} from '../support/pipeline.js';
import { withWorker, workflowBundle } from '../support/temporal.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';

useTimeSkippingServer();

type When = 'failed' | 'held' | 'always';

const files = list('a.txt', 'b.txt');
const contents = { 'a.txt': 'hello', 'b.txt': 'hi' };
const toId = ({ workflowId, firstExecutionRunId }: Handle, suffix: string) =>
  `${workflowId}/${firstExecutionRunId}/on-close/${suffix}`;

/** No worker polls the task queue, so that the workflow keeps what it was started with. */
const tell = (when: When) => ({ workflowType: 'tellOnCall', taskQueue: randomUUID(), when });

/** What a workflow was told, `undefined` if it was not started. */
async function readNotice(workflowId: string): Promise<PipelineNotice | undefined> {
  const receiver = env.client.workflow.getHandle(workflowId);
  const history = await receiver.fetchHistory().catch(() => undefined);
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  if (started === undefined || started === null) return undefined;
  assert.equal(started.workflowType?.name, 'tellOnCall');
  assert.equal(started.input?.payloads?.length, 1);
  await receiver.terminate();
  return JSON.parse(Buffer.from(started.input?.payloads?.[0]?.data ?? []).toString());
}

const setUpScene = (t: TestContext, isFailing: boolean, options: Partial<GatewayOptions> = {}) =>
  setUp(t, isFailing ? { 'a.txt': 'hello' } : contents, options);

for (const [when, outcome, isTold] of [
  ['failed', 'succeeded', false],
  ['held', 'succeeded', false],
  ['always', 'succeeded', true],
  ['failed', 'failed', true],
  ['held', 'failed', true],
  ['always', 'failed', true],
] as const) {
  test(`${when}: a pipeline that ends as ${outcome} ${isTold ? 'starts' : 'does not start'} the workflow`, async (t) => {
    const { runtimeId, activities } = await setUpScene(t, outcome === 'failed');
    const onClose = tell(when);
    await execute({ activities }, { runtimeId, files, onClose }, async (handle) => {
      const report = outcome === 'failed' ? await getFailedReport(handle) : await handle.result();
      const id = toId(handle, 'closed');
      assert.deepEqual(report.onClose, isTold ? { outcome: 'started', workflowId: id } : undefined);
      const notice = await readNotice(id);
      if (!isTold) return assert.equal(notice, undefined);
      const { workflowId, workflowRunId, phase, problem, ...told } = notice ?? {};
      assert.deepEqual(
        [workflowId, workflowRunId, phase],
        [handle.workflowId, handle.firstExecutionRunId, 'done'],
      );
      const { onClose: _, ...others } = report;
      assert.deepEqual(told, others, 'the rest is the report');
      if (outcome === 'succeeded') assert.equal(problem, undefined);
      else {
        const cause =
          /^1 of 2 files could not be collected \(not_found b\.txt: POST .* returned 404 file\.not_found/;
        assert.match(String(problem), cause);
      }
      assert.match(await getCurrentDetails(handle), /^- onClose started$/m);
    });
  });
}

describe('a held pipeline', () => {
  for (const when of ['held', 'always'] as const) {
    test(`${when}: starts a workflow each time it is held, and one when it is abandoned`, async (t) => {
      const { runtimeId, activities } = await setUpScene(t, true);
      const onClose = tell(when);
      await execute({ activities }, { runtimeId, files, onFailure: 'hold', onClose }, async (handle) => {
        for (const suffix of ['held-1', 'held-2']) {
          await waitForPhase(handle, 'held');
          const notice = await waitFor(suffix, () => readNotice(toId(handle, suffix)));
          assert.deepEqual([notice.phase, notice.outcome, notice.counts.failed], ['held', undefined, 1]);
          assert.match(notice.problem ?? '', /^1 of 2 files could not be collected \(not_found b\.txt/);
          if (suffix === 'held-1') await handle.executeUpdate(RESUME_UPDATE);
        }
        await handle.executeUpdate(ABANDON_UPDATE);
        await getFailedReport(handle);
        const closed = await readNotice(toId(handle, 'closed'));
        assert.deepEqual([closed?.phase, closed?.outcome], ['done', 'abandoned']);
      });
    });
  }

  test('held: is not told of when it succeeds after it was resumed', async (t) => {
    const { gateway, runtimeId, activities } = await setUpScene(t, true);
    const onClose = tell('held');
    await execute({ activities }, { runtimeId, files, onFailure: 'hold', onClose }, async (handle) => {
      await waitForPhase(handle, 'held');
      await waitFor('the notice', () => readNotice(toId(handle, 'held-1')));
      await gateway.addFile('b.txt', 'hi');
      await handle.executeUpdate(RESUME_UPDATE);
      const report: PipelineReport = await handle.result();
      assert.equal(report.counts.collected, 2);
      assert.equal(await readNotice(toId(handle, 'closed')), undefined);
    });
  });

  test('failed: starts nothing while it is held', async (t) => {
    const { runtimeId, activities } = await setUpScene(t, true);
    const onClose = tell('failed');
    await execute({ activities }, { runtimeId, files, onFailure: 'hold', onClose }, async (handle) => {
      await waitForPhase(handle, 'held');
      await handle.executeUpdate(ABANDON_UPDATE);
      await getFailedReport(handle);
      assert.equal(await readNotice(toId(handle, 'held-1')), undefined);
      assert.equal((await readNotice(toId(handle, 'closed')))?.outcome, 'abandoned');
    });
  });
});

test('a workflow that was started before, by a run that was reset, is not started again', async (t) => {
  const { runtimeId, activities } = await setUpScene(t, true);
  const onClose = tell('failed');
  await execute({ activities }, { runtimeId, files, onFailure: 'hold', onClose }, async (handle) => {
    await waitForPhase(handle, 'held');
    const workflowId = toId(handle, 'closed');
    const options = { workflowId, taskQueue: onClose.taskQueue, args: ['before'] };
    await env.client.workflow.start(onClose.workflowType, options);
    await handle.executeUpdate(ABANDON_UPDATE);
    const report = await getFailedReport(handle);
    assert.deepEqual(report.onClose, { outcome: 'started', workflowId });
    assert.deepEqual(report.warnings, []);
    assert.equal(await readNotice(workflowId), 'before');
  });
});

test('a workflow that cannot be started is a warning, and changes nothing else', async (t) => {
  const code = await readFile(workflowBundle().codePath, 'utf8');
  const changed = code.replace(
    '=> startWorkflow(',
    '=> Promise.reject(new Error("no\\nway")) ?? startWorkflow(',
  );
  assert.notEqual(changed, code, 'it was changed');
  const { runtimeId, activities } = await setUpScene(t, false);
  await withWorker(env, { activities, workflowBundle: { code: changed } }, async (taskQueue) => {
    const args = [
      { runtimeId, files, onClose: tell('always'), next: { workflowType: 'other', taskQueue: randomUUID() } },
    ];
    const options = { workflowId: randomUUID(), taskQueue, args };
    const report: PipelineReport = await env.client.workflow.execute(POST_RUN_PIPELINE, options);
    assert.deepEqual([report.outcome, report.counts.collected], ['succeeded', 2]);
    assert.equal(report.next?.outcome, 'started');
    assert.equal(report.onClose, undefined);
    assert.deepEqual(report.warnings, ['the workflow tellOnCall of onClose could not be started: no way']);
  });
});

test('a rerun has the same onClose', async (t) => {
  const { runtimeId, activities } = await setUpScene(t, true);
  const onClose = tell('failed');
  await execute({ activities }, { runtimeId, files, onClose }, async (handle) => {
    await getFailedReport(handle);
    await readNotice(toId(handle, 'closed'));
    const rerun = await handle.query<PipelineInput>(RERUN_INPUT_QUERY);
    assert.deepEqual(rerun.onClose, onClose);
  });
});

for (const [what, onClose, message] of [
  ['without when', { workflowType: 'tellOnCall' }, /^onClose\.when: /],
  ['with an unknown when', { workflowType: 'tellOnCall', when: 'succeeded' }, /^onClose\.when: /],
  ['without a workflow type', { when: 'failed' }, /^onClose\.workflowType: /],
] as const) {
  test(`onClose ${what} is refused, naming the field`, async (t) => {
    const { runtimeId } = await setUpScene(t, false);
    await execute({}, { runtimeId, files, onClose }, (handle) => assertRefused(handle, message));
  });
}

// Runs last: the server stops skipping time after some cancellations.
test('failed: a pipeline that is cancelled while it is held starts the workflow', async (t) => {
  const { runtimeId, activities } = await setUpScene(t, true);
  const onClose = tell('failed');
  await execute({ activities }, { runtimeId, files, onFailure: 'hold', onClose }, async (handle) => {
    await waitForPhase(handle, 'held');
    await handle.cancel();
    await getFailure(handle);
    assert.equal((await handle.describe()).status.name, 'CANCELLED');
    const { outcome, problem, counts } = (await readNotice(toId(handle, 'closed'))) ?? {};
    assert.deepEqual([outcome, problem], ['cancelled', 'the pipeline was cancelled']);
    assert.deepEqual([counts?.collected, counts?.failed], [1, 1]);
  });
});
