import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import { POST_RUN_PIPELINE } from '../../src/shared/names.js';
import { MAX_FILES, MAX_LIST_BYTES, type PipelineInput } from '../../src/shared/pipeline-input.js';
import type { JobOutcome, PipelineReport } from '../../src/shared/pipeline-report.js';
import { type ContinueAsNewState, fileListStateSchema } from '../../src/workflows/continue-as-new-state.js';
import { type FileResult, MAX_REPORTED_FILES } from '../../src/workflows/file-entry.js';
import { FileList } from '../../src/workflows/file-list.js';
import { useDevServer } from '../support/dev-server.js';
import { connectToDevServer, withWorker } from '../support/temporal.js';

const RUNTIME = 'rt_1';

/** Temporal's limit of 2 MiB per payload, less 97 KB for the input. */
const MAX_STATE_BYTES = 2_000_000;

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

  test('is the same if the files are larger together than the safe integers', () => {
    const files = new FileList();
    files.add(list('a', 'b'));
    for (const pending of files.takeNext(2)) {
      const { runtimePath } = pending.file;
      files.setOutcome(pending, { ...stored, runtimePath, sizeBytes: Number.MAX_SAFE_INTEGER });
    }
    const state = JSON.parse(JSON.stringify(files.toState()));
    assert.equal(new FileList(fileListStateSchema.parse(state)).bytes, 2 * Number.MAX_SAFE_INTEGER);
  });

  test('drops fields of outcomes, and keeps fields of pending files, that only newer activities know', () => {
    const files = new FileList();
    const named = { runtimePath: 'named.txt', newOption: true };
    files.add([...list('a', 'b', 'c', 'd'), named]);
    const newField = { color: 'red' };
    const paths = [stored, failed, { ...failed, outcome: 'missing', ifMissing: 'warn' }] as const;
    for (const [index, pending] of files.takeNext(paths.length).entries()) {
      const { runtimePath } = pending.file;
      files.setOutcome(pending, { ...(paths[index] ?? stored), runtimePath, ...newField });
    }
    const state = fileListStateSchema.parse(JSON.parse(JSON.stringify(files.toState())));
    assert.doesNotMatch(JSON.stringify(state), /color/);
    assert.deepEqual(state.entries.pending.at(-1)?.file, named);
  });

  test('keeps the keys of collected files that it only counts, verified or not', () => {
    const files = new FileList();
    const paths = Array.from({ length: 4 }, (_, index) => `${index}.txt`);
    files.add(list(...paths));
    for (const [index, pending] of files.takeNext(paths.length).entries()) {
      const { runtimePath } = pending.file;
      const unverified = index % 2 === 0 && ({ unverified: true } as const);
      files.setOutcome(pending, { outcome: 'collected', runtimePath, ...unverified });
    }
    const restored = new FileList(fileListStateSchema.parse(JSON.parse(JSON.stringify(files.toState()))));
    assert.equal(restored.add(list(...paths, 'new.txt')), 1);
    assert.equal(restored.unverified.collected.length, 2);
    restored.setVerified({ files: {}, moreDuplicates: 0 });
    const again = new FileList(fileListStateSchema.parse(JSON.parse(JSON.stringify(restored.toState()))));
    assert.equal(again.add(list(...paths)), 0);
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

/** As long as an id or a text of the API in a report. */
const long = (length: number, start: number | string = '') => `${start}`.padEnd(length, 'x');

/** A job with every field that a report shows. */
function createJob(_: unknown, index: number): JobOutcome {
  const line = long(130);
  const problem = { ...longProblem, message: long(500) };
  const error = { code: line, message: line };
  return {
    id: long(500, index),
    status: 'failed',
    action: line,
    error,
    durationSeconds: 0.123456789,
    problem,
  };
}

const longProblem = {
  reasonClass: 'capability_limit_exceeded',
  status: 402,
  code: long(130),
  requestId: long(130),
  hint: long(130),
} as const;

describe('the largest state', () => {
  for (const failedFiles of [0, 1_000, MAX_FILES]) {
    test(`fits into a payload if ${failedFiles} of ${MAX_FILES} files have failed`, () => {
      const files = new FileList();
      const pathBytes = Math.floor(MAX_LIST_BYTES / failedFiles) - '{"runtimePath":""},'.length;
      const toPath = (index: number) =>
        index < failedFiles ? long(Math.min(pathBytes, 4_096), index) : `${index}`;
      files.add(list(...Array.from({ length: MAX_FILES }, (_, index) => toPath(index))));
      for (const pending of files.takeNext(MAX_FILES)) {
        const { runtimePath } = pending.file;
        const isFailed = pending.position <= failedFiles;
        const isBrief = pending.position > failedFiles + MAX_REPORTED_FILES;
        if (isFailed) {
          const message = long(500);
          files.setOutcome(pending, {
            ...longProblem,
            outcome: 'failed',
            runtimePath,
            message,
            unverified: true,
          });
        } else if (isBrief)
          files.setOutcome(pending, { outcome: 'collected', runtimePath, unverified: true });
        else files.setOutcome(pending, { ...stored, path: long(130), runtimePath, unverified: true });
      }
      for (let index = 0; index < 256; index += 1) files.warnings.addForFile(long(130, index), long(4_096));
      for (let index = 0; index < 100; index += 1) files.warnings.add(long(600));
      const state = {
        firstExecutionRunId: randomUUID(),
        files: files.toState(),
        mustCheckExisting: true,
        jobs: Array.from({ length: 100 }, createJob),
        runId: long(500),
      } satisfies ContinueAsNewState;
      assert.equal(new FileList(fileListStateSchema.parse(state.files)).counts.failed, failedFiles);
      const bytes = JSON.stringify(state).length;
      assert.ok(bytes < MAX_STATE_BYTES, `${bytes} bytes`);
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
    /** Of a newer version of the activities. */
    const newField = { color: 'red' };
    let lookups = 0;
    const activities: Partial<BctrlActivities> = {
      waitForInvocation: async ({ invocationId }) =>
        invocationId === job.id ? { ...job, ...newField, files: list('named.txt') } : failedJob,
      async getActiveRun() {
        lookups += 1;
        return 'run_1';
      },
      async collectRuntimeFile(input) {
        if (input.runtimePath === '0.txt') {
          const details = { reasonClass: 'not_found', code: 'file.not_found', status: 404 };
          throw ApplicationFailure.nonRetryable('0.txt: not there', 'not_found', details);
        }
        return { id: `file_${input.runtimePath}`, sizeBytes: 5, ...newField };
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

  test('names its account in every run', async () => {
    const accounts: (string | undefined)[] = [];
    const activities: Partial<BctrlActivities> = {
      async collectRuntimeFiles({ account, files }) {
        accounts.push(account);
        return files.map(() => stored);
      },
      async collectRuntimeFile({ account, runtimePath }) {
        accounts.push(account);
        return { id: `file_${runtimePath}` };
      },
    };
    const files = list(...Array.from({ length: 25 }, (_, index) => `${index}.txt`));
    await runPipeline(activities, { runtimeId: RUNTIME, account: 'eu', files, batchSize: 1, concurrency: 1 });
    assert.deepEqual(
      accounts,
      files.map(() => 'eu'),
    );
  });
});
