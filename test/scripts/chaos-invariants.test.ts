import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Facts, PipelineFact, ResourceSample, RunFact, StoredFact } from '../../scripts/chaos/facts.js';
import { countDuplicates, invariants } from '../../scripts/chaos/invariants.js';
import { parseChaosOptions } from '../../scripts/chaos/options.js';
import { planPipelines } from '../../scripts/chaos/pipelines.js';
import { countOpenAtOnce, judge, renderChaosReport } from '../../scripts/chaos/report.js';
import { planFaults } from '../../scripts/chaos/schedule.js';
import { stories } from '../../scripts/chaos/stories.js';
import { TemporalServer } from '../../scripts/chaos/temporal-server.js';
import { fileKey } from '../../src/shared/keys.js';
import type { FileOutcome, PipelineReport } from '../../src/shared/pipeline-report.js';

type InvariantName = keyof typeof invariants;

const file = (path: string, fileId = `id of ${path}`, more: object = {}): FileOutcome => ({
  outcome: 'collected',
  runtimePath: path,
  fileId,
  ...more,
});

const report = (files: FileOutcome[], more: Partial<PipelineReport> = {}): PipelineReport => ({
  runtimeId: 'runtime',
  outcome: 'succeeded',
  jobs: [],
  counts: { files: files.length, collected: files.length, kept: 0, missing: 0, skipped: 0, failed: 0 },
  bytes: 0,
  files,
  warnings: [],
  ...more,
});

const run = (more: Partial<RunFact> = {}): RunFact => ({
  runId: 'run',
  firstRunId: 'run',
  status: 'completed',
  startedMs: 0,
  endedMs: 1,
  openedMs: 0,
  report: report([file('a'), file('b')]),
  queryProblem: undefined,
  messages: [],
  isReset: false,
  added: [],
  failedTasks: [],
  inFlight: [],
  lookups: [],
  ...more,
});

const stored = (
  path: string | null,
  id = `id of ${path}`,
  sha256: string | undefined = `sha of ${path}`,
): StoredFact => ({
  id,
  runtimeId: 'runtime',
  runtimePath: path,
  storedMs: 0,
  sha256,
});

const pipeline = (more: Partial<PipelineFact> = {}): PipelineFact => ({
  workflowId: 'pipeline',
  runtimeId: 'runtime',
  story: 'small',
  contents: new Map(['a', 'b'].map((path) => [path, `sha of ${path}`])),
  required: new Set(['a', 'b']),
  allowed: ['succeeded'],
  archives: 0,
  problem: undefined,
  isAsTold: true,
  runs: [run()],
  ...more,
});

const sample = (more: Partial<ResourceSample> = {}): ResourceSample => ({
  worker: 'worker 1',
  life: 1,
  atMs: 0,
  timers: 2,
  heapMb: 40,
  rssMb: 200,
  apiSockets: 0,
  sockets: 5,
  files: 30,
  ...more,
});

const resources = {
  fresh: [sample()],
  busy: Array.from({ length: 24 }, (_, index) => sample({ atMs: index, heapMb: 40 + (index % 3) })),
  atRest: [sample()],
  unanswered: [],
  workers: 1,
  isSoak: true,
  samplesInRun: 24,
  hasProc: true,
};

const good: Facts = {
  pipelines: [pipeline()],
  stored: [stored('a'), stored('b')],
  resources,
  taskProblems: [],
  toReplay: 3,
  replayed: 3,
  replayProblems: [],
  processProblems: [],
  harnessProblems: [],
};

const withRun = (more: Partial<RunFact>): Facts => ({
  ...good,
  pipelines: [pipeline({ runs: [run(more)] })],
});
const withPipeline = (more: Partial<PipelineFact>): Facts => ({ ...good, pipelines: [pipeline(more)] });
const withResources = (more: Partial<Facts['resources']>): Facts => ({
  ...good,
  resources: { ...resources, ...more },
});

const lookup = (startedMs: number, endedMs: number, path = 'b') => ({
  startedMs,
  endedMs,
  keys: [fileKey({ runtimePath: path })],
});

/** The file `b` was in flight since `sinceMs` when the first run was terminated, at 0. */
const cutOffAndRerun = (sinceMs = 0): Facts =>
  withPipeline({
    runs: [
      run({
        status: 'terminated',
        endedMs: 0,
        inFlight: [{ path: 'b', sinceMs }],
        report: report([file('a')]),
      }),
      run({ runId: 'rerun', firstRunId: 'rerun', report: report([file('b')]) }),
    ],
  });

type Violation = [InvariantName, what: string, Facts, problems: string[]];

/** Each changes one fact, and violates one invariant. */
const violations: readonly Violation[] = [
  [
    'no required file is lost',
    'a file that only the report has',
    { ...good, stored: [stored('a')] },
    ['pipeline: b is not in the storage'],
  ],
  [
    'no required file is lost',
    'a file that the report leaves out',
    withRun({ report: report([file('a')]) }),
    ['pipeline: b is not in a report'],
  ],
  [
    'no required file is lost',
    'a file that an abandoned pipeline leaves out',
    withRun({ report: report([file('a')], { outcome: 'abandoned' }) }),
    ['pipeline: b is not in a report'],
  ],
  [
    'no required file is lost',
    'a file that was added and not collected',
    withRun({ added: ['c'] }),
    ['pipeline: c is not in the storage'],
  ],
  [
    'reports name stored files, with the right bytes',
    'other bytes',
    { ...good, stored: [stored('a'), stored('b', 'id of b', 'sha of a')] },
    ['pipeline: the bytes of id of b are not those of b'],
  ],
  [
    'reports name stored files, with the right bytes',
    'no bytes',
    { ...good, stored: [stored('a'), { ...stored('b'), sha256: undefined }] },
    ['pipeline: id of b has no bytes'],
  ],
  [
    'reports name stored files, with the right bytes',
    'the id of another file',
    withRun({ report: report([file('a'), file('b', 'id of a')]) }),
    ['pipeline: the report says id of a for b, the storage does not'],
  ],
  [
    'reports name stored files, with the right bytes',
    'a second archive',
    { ...good, stored: [...good.stored, stored(null)] },
    ['pipeline: there are 1 archives, not 0'],
  ],
  [
    'every duplicate is reported, and nothing else is',
    'a second file that no report names',
    { ...good, stored: [...good.stored, stored('b', 'second')] },
    ['pipeline: no report names second of b'],
  ],
  [
    'every duplicate is reported, and nothing else is',
    'a count without a file',
    withRun({ report: report([file('a'), file('b')], { duplicates: 1 }) }),
    ['pipeline: 1 duplicates are reported, and 0 are named and stored'],
  ],
  [
    'every duplicate is reported, and nothing else is',
    'a second file that is named and not counted',
    {
      ...withRun({ report: report([file('a'), file('b', 'id of b', { duplicateIds: ['second'] })]) }),
      stored: [...good.stored, stored('b', 'second')],
    },
    ['pipeline: 0 duplicates are reported, and 1 are named and stored'],
  ],
  [
    'every duplicate is reported, and nothing else is',
    'a second file that comes too late to be of the run that was terminated',
    { ...cutOffAndRerun(), stored: [...good.stored, { ...stored('b', 'second'), storedMs: 40_001 }] },
    ['pipeline: no report names second of b'],
  ],
  [
    'every duplicate is reported, and nothing else is',
    'a second file that the last lookup must have found',
    {
      ...withRun({ lookups: [lookup(10_000, 20_000)] }),
      stored: [...good.stored, { ...stored('b', 'second'), storedMs: 14_000 }],
    },
    ['pipeline: no report names second of b'],
  ],
  [
    'every duplicate is reported, and nothing else is',
    'a last lookup that did not wait for the listing',
    {
      ...withRun({ lookups: [lookup(10_000, 19_999)] }),
      stored: [...good.stored, { ...stored('b', 'second'), storedMs: 19_000 }],
    },
    ['pipeline: no report names second of b'],
  ],
  [
    'every duplicate is reported, and nothing else is',
    'a last lookup that did not look for the file',
    {
      ...withRun({ lookups: [lookup(10_000, 20_000, 'a')] }),
      stored: [...good.stored, { ...stored('b', 'second'), storedMs: 19_000 }],
    },
    ['pipeline: no report names second of b'],
  ],
  [
    'every duplicate is reported, and nothing else is',
    'a lookup that was not the last one for the file',
    {
      ...withPipeline({
        runs: [
          run({ lookups: [lookup(10_000, 20_000)] }),
          run({ runId: 'rerun', firstRunId: 'rerun', endedMs: 2, lookups: [lookup(30_000, 40_000)] }),
        ],
      }),
      stored: [...good.stored, { ...stored('b', 'second'), storedMs: 19_000 }],
    },
    ['pipeline: no report names second of b'],
  ],
  [
    'every duplicate is reported, and nothing else is',
    'a second file that comes too late to be of a request before the last lookup',
    {
      ...withRun({ lookups: [lookup(10_000, 20_000)] }),
      stored: [...good.stored, { ...stored('b', 'second'), storedMs: 30_001 }],
    },
    ['pipeline: no report names second of b'],
  ],
  [
    'every duplicate is reported, and nothing else is',
    'a second file that was there before the run that was terminated requested it',
    { ...cutOffAndRerun(1), stored: [...good.stored, stored('b', 'second')] },
    ['pipeline: no report names second of b'],
  ],
  [
    'every duplicate is reported, and nothing else is',
    'more files than a run has in flight',
    { ...cutOffAndRerun(), stored: [...good.stored, ...['2', '3', '4'].map((id) => stored('b', id))] },
    ['pipeline: no report names 4 of b'],
  ],
  [
    'every pipeline ends as it may',
    'a failed pipeline, which says why',
    withRun({
      status: 'failed',
      report: report([{ outcome: 'failed', runtimePath: 'b', reasonClass: 'server', message: 'b: no' }], {
        outcome: 'failed',
      }),
    }),
    ['pipeline: it ended as failed, not as succeeded (b: no)'],
  ],
  [
    'every pipeline ends as it may',
    'a run that has not ended',
    withRun({ status: 'running', report: undefined }),
    [
      'pipeline: the run run has not ended',
      'pipeline: it ended as running, not as succeeded (no report says why)',
    ],
  ],
  [
    'no workflow task fails',
    'a failed task in a history',
    withRun({ failedTasks: ['event 7: NON_DETERMINISTIC_ERROR: it differs'] }),
    ['pipeline run, event 7: NON_DETERMINISTIC_ERROR: it differs'],
  ],
  [
    'no workflow task fails',
    'a failed task in a log',
    { ...good, taskProblems: ['worker 1: Failing workflow task'] },
    ['worker 1: Failing workflow task'],
  ],
  ['no workflow task fails', 'no history', withPipeline({ runs: [] }), ['pipeline: no history was read']],
  [
    'histories replay',
    'no history',
    { ...good, toReplay: 0, replayed: 0 },
    ['there was no history to replay'],
  ],
  [
    'histories replay',
    'a history that is not replayed',
    { ...good, replayed: 2 },
    ['2 of 3 histories were replayed'],
  ],
  ['histories replay', 'a failed replay', { ...good, replayProblems: ['it differs'] }, ['it differs']],
  [
    'workers hold nothing that they do not need',
    'timers at rest',
    withResources({ atRest: [sample({ timers: 4 })] }),
    ['worker 1 has 4 timers at rest, a fresh one up to 3'],
  ],
  [
    'workers hold nothing that they do not need',
    'a heap at rest',
    withResources({ atRest: [sample({ heapMb: 53.4 })] }),
    ['worker 1 has 53 MB of heap at rest, a fresh one up to 52'],
  ],
  [
    'workers hold nothing that they do not need',
    'connections at rest',
    withResources({ atRest: [sample({ apiSockets: 1 })] }),
    ['worker 1 has 1 connections to the API at rest, a fresh one up to 0'],
  ],
  [
    'workers hold nothing that they do not need',
    'sockets at rest',
    withResources({ atRest: [sample({ sockets: 8 })] }),
    ['worker 1 has 8 sockets at rest, a fresh one up to 7'],
  ],
  [
    'workers hold nothing that they do not need',
    'sockets that are not counted',
    withResources({ atRest: [sample({ sockets: undefined })] }),
    ['the sockets and files of worker 1 could not be counted'],
  ],
  [
    'workers hold nothing that they do not need',
    'open files at rest',
    withResources({ atRest: [sample({ files: 33 })] }),
    ['worker 1 has 33 open files at rest, a fresh one up to 32'],
  ],
  [
    'workers hold nothing that they do not need',
    'a heap that grows',
    withResources({ busy: resources.busy.map((each) => ({ ...each, heapMb: 40 + each.atMs * 2 })) }),
    ['worker 1, process 1: its heap grew from 52.0 MB to 76.0 MB'],
  ],
  [
    'workers hold nothing that they do not need',
    'memory outside the heap that grows',
    withResources({ busy: resources.busy.map((each) => ({ ...each, rssMb: 200 + each.atMs * 20 })) }),
    ['worker 1, process 1: its memory grew from 370.0 MB to 610.0 MB'],
  ],
  ...(['timers', 'sockets'] as const).map(
    (figure): Violation => [
      'workers hold nothing that they do not need',
      `${figure} that become more at each quiet moment`,
      withResources({ busy: resources.busy.map((each) => ({ ...each, [figure]: each.atMs * 6 })) }),
      [`worker 1, process 1: its number of ${figure} grew from 36 to 108`],
    ],
  ),
  [
    'workers hold nothing that they do not need',
    'a soak whose worker did not live long',
    withResources({ busy: resources.busy.slice(5) }),
    ['0 of 1 workers lived long enough to see a trend'],
  ],
  [
    'workers hold nothing that they do not need',
    'no figures of workers that work',
    withResources({ busy: [], isSoak: false }),
    ['no worker said what it holds while it worked'],
  ],
  [
    'workers hold nothing that they do not need',
    'a worker that does not answer',
    withResources({ unanswered: ['worker 1'] }),
    ['worker 1 did not say what it holds'],
  ],
  [
    'workers hold nothing that they do not need',
    'no figures of fresh workers',
    withResources({ fresh: [] }),
    ['0 of 1 workers said what they hold when fresh'],
  ],
  [
    'workers hold nothing that they do not need',
    'no figures at rest',
    withResources({ atRest: [] }),
    ['0 of 1 workers said what they hold at rest'],
  ],
  [
    'no process ends by itself or is left behind',
    'a process that is left',
    { ...good, processProblems: ['process 1 is still there'] },
    ['process 1 is still there'],
  ],
  [
    'the harness did what it planned',
    'an operator who could not act',
    withPipeline({ problem: 'no chance' }),
    ['pipeline: no chance'],
  ],
  [
    'the harness did what it planned',
    'a run that does not answer the query',
    withRun({ status: 'cancelled', report: undefined, queryProblem: 'no poller' }),
    ['pipeline: the run run did not say what it has: no poller'],
  ],
  [
    'the harness did what it planned',
    'a story that no pipeline shows',
    { ...good, pipelines: Array.from({ length: 3 }, () => pipeline({ isAsTold: false })) },
    ['none of 3 pipelines shows its story: small'],
  ],
  [
    'the harness did what it planned',
    'a fault that could not be ended',
    { ...good, harnessProblems: ['no chance'] },
    ['no chance'],
  ],
];

describe('invariants', () => {
  test('all hold for a good run', () => {
    for (const [name, find] of Object.entries(invariants)) assert.deepEqual(find(good), [], name);
  });

  for (const [name, what, facts, problems] of violations) {
    test(`${name}: violated by ${what}`, () => {
      assert.deepEqual(invariants[name](facts), problems);
    });
  }

  test('each is violated by one of these', () => {
    const violated = new Set(violations.map(([name]) => name));
    assert.deepEqual([...violated].toSorted(), Object.keys(invariants).toSorted());
  });
});

describe('duplicates', () => {
  const twice = [...good.stored, stored('b', 'second')];

  test('of a file that was in flight when its run was terminated have a count of their own', () => {
    const storedMs = 40_000;
    const made = [...good.stored, stored('b', 'second'), { ...stored('b', 'third'), storedMs }];
    const [cutOff = pipeline()] = cutOffAndRerun().pipelines;
    const { problems, ...counts } = countDuplicates(cutOff, made);
    assert.deepEqual([counts, problems], [{ reported: 0, unreported: 0, inFlight: 2, tooLate: 0 }, []]);
  });

  test('of two runs that were ended, one during the other, are those of either', () => {
    const cutOff = (sinceMs: number, endedMs: number) =>
      run({ status: 'terminated', endedMs, inFlight: [{ path: 'b', sinceMs }], report: report([file('a')]) });
    const runs = [cutOff(0, 20_000), cutOff(50_000, 10_000), run({ endedMs: 30_000 })];
    const made = [45_000, 45_000, 50_000, 50_000].map((storedMs, index) => ({
      ...stored('b', `${index}`),
      storedMs,
    }));
    const { inFlight, unreported } = countDuplicates(pipeline({ runs }), [...good.stored, ...made]);
    assert.deepEqual([inFlight, unreported], [4, 0]);
  });

  test('that were listed only after the last lookup have a count of their own', () => {
    const runs = [run({ lookups: [lookup(10_000, 20_000)] })];
    const late = [...good.stored, { ...stored('b', 'second'), storedMs: 14_001 }];
    const { unreported, tooLate, problems } = countDuplicates(pipeline({ runs }), late);
    assert.deepEqual([unreported, tooLate, problems], [0, 1, []]);
  });

  test('of another file of a terminated run are unreported', () => {
    const cutOff = run({ status: 'terminated', inFlight: [{ path: 'a', sinceMs: 0 }] });
    assert.equal(countDuplicates(pipeline({ runs: [cutOff] }), twice).unreported, 1);
  });

  test('count once in a run and in the run that resets it, and again in a rerun', () => {
    const both = report([file('a'), file('b', 'id of b', { duplicateIds: ['second'] })], { duplicates: 1 });
    const before = run({ endedMs: 0, report: both });
    const reset = run({ runId: 'reset', endedMs: 1, report: both });
    assert.equal(countDuplicates(pipeline({ runs: [before, reset] }), twice).reported, 1);
    const rerun = run({ runId: 'rerun', firstRunId: 'rerun', report: both });
    assert.equal(countDuplicates(pipeline({ runs: [before, rerun] }), twice).reported, 2);
  });
});

describe('the schedule', () => {
  test('of pipelines is the same for the same seed, and another for another one', () => {
    const planOf = (seed: number) =>
      planPipelines(seed, { durationMs: 60_000, count: 60, isSoak: false, names: Object.keys(stories) });
    assert.deepEqual(planOf(1), planOf(1));
    assert.notDeepEqual(planOf(1), planOf(2));
    assert.deepEqual(new Set(planOf(1).map(({ name }) => name)), new Set(Object.keys(stories)));
  });

  test('starts three of four pipelines together, to wait for their turn, unless it is that of a soak', () => {
    const timesOf = (isSoak: boolean, name = 'small') =>
      planPipelines(1, { durationMs: 100_000, count: 4, isSoak, names: [name] }).map(
        ({ startMs, turnMs }) => [startMs, turnMs],
      );
    const atTheirTurn = [0, 23_000, 46_000, 69_000].map((turnMs) => [turnMs, turnMs]);
    assert.deepEqual(timesOf(true), atTheirTurn);
    assert.deepEqual(timesOf(false, 'waits for jobs'), atTheirTurn);
    assert.deepEqual(timesOf(false), [
      [0, 0],
      [0, 23_000],
      [100, 46_000],
      [200, 69_000],
    ]);
  });

  const plan = (seed: number) =>
    planFaults(seed, {
      durationMs: 60_000,
      workers: 2,
      names: ['worker: SIGKILL', 'network: slow', 'Temporal: SIGTERM'],
    });

  test('of faults is the same for the same seed, and another for another one', () => {
    assert.deepEqual(plan(1), plan(1));
    assert.notDeepEqual(plan(1), plan(2));
  });

  test('strikes no target that is still struck', () => {
    const freeFromMs = new Map<string, number>();
    for (const { target, atMs, durationMs } of plan(1)) {
      assert.ok(atMs >= (freeFromMs.get(target) ?? 0), target);
      freeFromMs.set(target, atMs + durationMs);
    }
    assert.deepEqual([...freeFromMs.keys()].toSorted(), ['Temporal', 'network', 'worker 1', 'worker 2']);
  });
});

describe('the report', () => {
  test('counts the pipelines that were open at once, one that follows another as one', () => {
    const open = (openedMs: number, endedMs: number) => pipeline({ runs: [run({ openedMs, endedMs })] });
    assert.equal(countOpenAtOnce([open(0, 10), open(5, 20), open(10, 15), open(16, 30)]), 2);
    assert.equal(countOpenAtOnce([open(0, 10), open(5, 20), open(9, 15)]), 3);
  });

  test('lists faults that never struck, and says which cannot strike on this machine', () => {
    const options = parseChaosOptions([]);
    const faults = new Map([['worker: SIGKILL', 2]] as const);
    const impossible = new Set(['gateway: disk full'] as const);
    const sent = { collects: 2, lookups: 1 };
    const measured = { faults, impossible, sent, settleMs: 0, forcedEnds: 0, histories: [], log: [] };
    const result = { options, facts: good, ...measured };
    const report = renderChaosReport(result, judge(good));
    assert.match(report, /^Faults: 2\. The API's listing lags by 3 s throughout\.$/m);
    assert.match(report, /^\| worker: SIGKILL +\| 2 +\|$/m);
    assert.match(report, /^\| network: slow +\| 0 +\|$/m);
    assert.match(report, /^\| gateway: disk full +\| 0 \(not on this machine\) +\|$/m);
  });
});

test('a history that could not be read is a reason only while the server is away, and soon after', () => {
  const temporal = new TemporalServer({ executable: 'temporal' });
  const problem = 'event 5: Fetching history failed: Status { code: Unavailable }';
  const at = (ms: number) => performance.timeOrigin + ms;
  assert.equal(temporal.explains(problem, at(0)), false);
  temporal.outages.push({ fromMs: 1_000, toMs: 5_000 });
  assert.deepEqual(
    [999, 1_000, 35_000, 35_002].map((ms) => temporal.explains(problem, at(ms))),
    [false, true, true, false],
  );
  assert.equal(temporal.explains('event 5: [TMPRL1100] Nondeterminism error', at(1_000)), false);
});

describe('the options', () => {
  for (const [argv, message] of [
    [['--seed', 'x'], /^Error: --seed is a whole number$/],
    [['--minutes', '0'], /^Error: --minutes is a number above 0$/],
    [['--json', ''], /^Error: --json needs the name of a file$/],
  ] as const) {
    test(`refuse ${argv.join(' ')}`, () => assert.throws(() => parseChaosOptions(argv), message));
  }

  test('are a seed, a duration and a soak', () => {
    const { seed, durationMs, faults } = parseChaosOptions([
      '--seed',
      '7',
      '--minutes',
      '0.5',
      '--no-faults',
    ]);
    assert.deepEqual([seed, durationMs, faults], [7, 30_000, false]);
  });
});
