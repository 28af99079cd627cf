import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import { POST_RUN_PIPELINE } from '../../src/shared/names.js';
import type { PipelineInput } from '../../src/shared/pipeline-input.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import { fileListStateSchema } from '../../src/workflows/continue-as-new-state.js';
import type { FileResult } from '../../src/workflows/file-entry.js';
import { FileList } from '../../src/workflows/file-list.js';
import { useDevServer } from '../support/dev-server.js';
import { connectToDevServer, withWorker } from '../support/temporal.js';

const RUNTIME = 'rt_1';

/** A few files fill a history. */
const SUGGEST_CONTINUE_AS_NEW_EVENTS = 25;

const list = (...paths: string[]) => paths.map((runtimePath) => ({ runtimePath }));

const problem = { reasonClass: 'server', message: 'returned 500', code: 'x', status: 500 } as const;
const failed = { ...problem, outcome: 'failed', unverified: true } as const;
const stored = { outcome: 'collected', fileId: 'file_1', path: '/a', sizeBytes: 5 } as const;

/** One file for each kind of outcome. */
const outcomes: Record<string, FileResult> = Object.fromEntries(
  [
    stored,
    { outcome: 'collected', sizeBytes: 0 },
    { ...stored, outcome: 'kept', duplicateIds: ['file_2'], missingFields: ['name'], unverified: true },
    { ...failed, requestId: 'req_1', hint: 'Wait.' },
    { ...failed, outcome: 'missing', ifMissing: 'warn' },
    { ...failed, outcome: 'missing', ifMissing: 'ignore' },
    { outcome: 'skipped', reason: 'the pipeline was abandoned' },
  ].map((outcome, index) => [`${index}.txt`, { ...outcome, runtimePath: `${index}.txt` } as FileResult]),
);

/** Also more failures than a report lists, and a file that is pending again. */
function createState(): unknown {
  const files = new FileList();
  const manyFailed = list(...Array.from({ length: 150 }, (_, index) => `failed/${index}.txt`));
  files.add([...list(...Object.keys(outcomes)), ...manyFailed, { runtimePath: 'pending.txt' }]);
  for (const pending of files.takeNext(files.counts.files)) {
    const { runtimePath } = pending.file;
    if (runtimePath === 'pending.txt') continue;
    files.setOutcome(pending, outcomes[runtimePath] ?? { ...failed, runtimePath });
  }
  return JSON.parse(JSON.stringify(files.toState()));
}

describe('the state of the files', () => {
  test('is the same after it was handed over, whatever became of them', () => {
    const state = createState();
    const restored = new FileList(fileListStateSchema.parse(state)).toState();
    assert.deepEqual(JSON.parse(JSON.stringify(restored)), state);
  });

  for (const [problem, change] of [
    ['lacks a field', { counts: undefined }],
    ['has an unknown field', { color: 'red' }],
    ['has a field of another type', { bytes: '5' }],
    ['has an unknown outcome', { entries: { pending: [], failed: [], unreportedKeys: [], reported: [{}] } }],
  ] as const) {
    test(`is refused if it ${problem}`, () => {
      const state = { ...(createState() as object), ...change };
      assert.equal(fileListStateSchema.safeParse(state).success, false);
    });
  }
});

describe('a pipeline that continues as new', () => {
  const temporal = useDevServer({
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': String(SUGGEST_CONTINUE_AS_NEW_EVENTS) },
  });
  let env: TestWorkflowEnvironment;
  before(async () => {
    env = await connectToDevServer(temporal.address);
  });
  after(() => env.teardown());

  /** The report of a pipeline that took more than one run. */
  async function runPipeline(
    activities: Partial<BctrlActivities>,
    input: PipelineInput,
  ): Promise<PipelineReport> {
    return await withWorker(env, { activities }, async (taskQueue) => {
      const options = { taskQueue, workflowId: randomUUID(), args: [input] };
      const handle = await env.client.workflow.start(POST_RUN_PIPELINE, options);
      const report = await handle.result();
      const { runId } = await env.client.workflow.getHandle(handle.workflowId).describe();
      assert.notEqual(runId, handle.firstExecutionRunId, 'it was continued');
      return report;
    });
  }

  test('reports jobs, run and files of all its runs', async () => {
    const job = { id: 'job_1', action: 'act', status: 'succeeded' } as const;
    const failedJob = {
      id: 'job_2',
      status: 'failed',
      error: { code: 'crash', message: 'It crashed.' },
      durationSeconds: 1.5,
    } as const;
    let lookups = 0;
    const activities: Partial<BctrlActivities> = {
      waitForInvocation: async ({ invocationId }) =>
        invocationId === job.id ? { ...job, files: list('named.txt') } : failedJob,
      async getActiveRun() {
        lookups += 1;
        return 'run_1';
      },
      async collectRuntimeFile(input) {
        if (input.runtimePath === '0.txt') {
          const details = { reasonClass: 'not_found', code: 'file.not_found', status: 404 };
          throw ApplicationFailure.nonRetryable('0.txt: not there', 'not_found', details);
        }
        return { id: `file_${input.runtimePath}`, sizeBytes: 5 };
      },
      exportRunFiles: async () => ({ id: 'file_zip' }),
    };
    const files = list(...Array.from({ length: 25 }, (_, index) => `${index}.txt`));
    const input: PipelineInput = {
      runtimeId: RUNTIME,
      waitFor: { invocationIds: ['job_1', 'job_2'] },
      filesFromOutput: '',
      files: files.map((file) => ({ ...file, ifMissing: 'warn' })),
      batchSize: 1,
      concurrency: 1,
      exportArchive: {},
    };
    const report = await runPipeline(activities, input);
    assert.deepEqual(report.jobs, [job, failedJob]);
    assert.deepEqual([report.runId, report.exportArchive?.outcome, lookups], ['run_1', 'exported', 1]);
    assert.deepEqual([report.counts.files, report.counts.collected, report.counts.missing], [26, 25, 1]);
    assert.deepEqual(report.warnings, ['missing: 0.txt: not there']);
  });
});
