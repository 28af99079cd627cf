import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseActionCounters } from '../../scripts/bench/execution.js';
import { parseFleetOptions } from '../../scripts/bench/fleet/options.js';
import { toFleetRows } from '../../scripts/bench/fleet/report.js';
import { assertEachOnce } from '../../scripts/bench/gateway.js';
import type { Repetition } from '../../scripts/bench/measure.js';
import { parseOptions } from '../../scripts/bench/options.js';
import { isMet, type MeasureRow, renderRows, toMeasureRows } from '../../scripts/bench/rows.js';

const gateway = { cpuShare: 0.5, loopUtilization: 0.5 };
const loop = (callsPerSecond: number) => ({ callsPerSecond, clientCpuShare: 1, gateway });
const pipeline = (files: number, ms: number) => ({
  files,
  ms,
  runs: 1,
  events: files / 100,
  historyBytes: files * 100,
  actions: files / 50,
  heartbeats: files / 100,
});

/** A repetition on a machine that is `speed` times as fast. */
const repetition = (speed: number, largePeakBytes?: number): Repetition => ({
  raw: loop(5_000 * speed),
  collect: loop(4_000 * speed),
  noop: loop(50_000 * speed),
  twoProcessRaw: loop(6_000 * speed),
  noopPipeline: pipeline(1_000, 10_000 / speed),
  pipelines: [pipeline(1_000, 400 / speed), pipeline(10_000, 2_500 / speed)],
  latency: { pipelineMs: [50, 60, 70], noopMs: [40, 50, 60] },
  memory: [
    { files: 100, workerStartMs: 900, peakBytes: 250e6 },
    { files: 10_000, workerStartMs: 950, peakBytes: largePeakBytes },
  ],
  helpMs: [100, 200],
  probeMs: [100, 110],
});

describe('toMeasureRows', () => {
  const { plan } = parseOptions([]);

  it('compares values of the same repetition', () => {
    const rows = toMeasureRows(plan, [repetition(1, 280e6), repetition(2, 280e6)]);
    assert.deepEqual(Object.fromEntries(rows.map(({ measure, values }) => [measure, values])), {
      '10,000-file pipeline vs no-op per-file pipeline, files/s': [40, 40],
      '10,000-file pipeline vs raw undici loop at the same concurrency, files/s': [0.8, 0.8],
      'time per file at 10,000 vs at 1,000 files': [0.625, 0.625],
      'history events per file at 10,000': [0.01, 0.01],
      'history bytes per file at 10,000': [100, 100],
      'Temporal Actions per file at 10,000 without faults': [0.02, 0.02],
      'collectRuntimeFile vs raw undici, calls/s at concurrency 32': [0.8, 0.8],
      'worker memory growth from 100 to 10,000 files': [30, 30],
      'one-file pipeline vs one-no-op-activity workflow, latency': [1.2, 1.2],
      'starter --help': [0.1, 0.2, 0.1, 0.2],
      'worker start with the prebuilt bundle': [0.9, 0.95, 0.9, 0.95],
      'two raw undici loops vs one: what the gateway has left': [1.2, 1.2],
    });
  });

  it('has no memory growth where the system does not tell the memory', () => {
    const row = toMeasureRows(plan, [repetition(1)]).find(({ unit }) => unit === 'MB');
    assert.deepEqual(row?.values, []);
  });
});

describe('the table', () => {
  const rate = (...values: number[]): MeasureRow => ({
    measure: 'rate',
    unit: '×',
    target: { atLeast: 20 },
    values,
  });
  const time = (...values: number[]): MeasureRow => ({
    measure: 'time',
    unit: 's',
    target: { atMost: 0.3 },
    values,
  });

  it('judges the median, on both sides of the target', () => {
    assert.deepEqual([isMet(rate(20)), isMet(rate(19.9)), isMet(rate(1, 30, 20))], [true, false, true]);
    assert.deepEqual([isMet(time(0.3)), isMet(time(0.31)), isMet(time(0.2, 0.3))], [true, false, true]);
    assert.equal(isMet({ measure: 'any', unit: '', values: [1] }), undefined);
  });

  it('shows median, range and verdict', () => {
    assert.equal(
      renderRows([rate(2_000, 21, 25), time(0.4), time()]),
      [
        '| measure | target  | measured        |      |',
        '| ------- | ------- | --------------- | ---- |',
        '| rate    | ≥ 20 ×  | 25 × (21–2,000) | pass |',
        '| time    | ≤ 0.3 s | 0.4 s           | miss |',
        '| time    | ≤ 0.3 s | not measured    | –    |',
      ].join('\n'),
    );
  });
});

it('assertEachOnce names a file that is missing, there twice, not asked for, or without its own key', () => {
  const [a, b] = [
    { runtimePath: 'a', key: '1' },
    { runtimePath: 'b', key: '2' },
  ];
  assertEachOnce(['a', 'b'], [b, a]);
  assert.throws(() => assertEachOnce(['a', 'b'], [a]), /1 files were not collected, the first is b/);
  assert.throws(() => assertEachOnce(['a'], [a, { ...a, key: '3' }]), /a was collected twice/);
  assert.throws(() => assertEachOnce(['a'], [a, b]), /b was collected without being asked for/);
  assert.throws(() => assertEachOnce(['a', 'b'], [a, { ...b, key: '1' }]), /b has no collection key/);
  assert.throws(() => assertEachOnce(['a'], [{ ...a, key: undefined }]), /a has no collection key/);
});

it('parseActionCounters adds up the counters of the namespace, and knows the heartbeats', () => {
  const metrics = [
    '# TYPE action counter',
    'action{action_type="grpc_StartWorkflowExecution",namespace="default",operation="x"} 2',
    'action{action_type="grpc_StartWorkflowExecution",namespace="temporal_system",operation="x"} 40',
    'action{action_type="grpc_RecordActivityTaskHeartbeat",namespace="default",operation="x"} 3',
    'action{action_type="command_ScheduleActivityTask",namespace="default",operation="x"} 1.5e+03',
    'queue_actions{namespace="default"} 7',
  ].join('\n');
  assert.deepEqual(parseActionCounters(metrics), { actions: 1_505, heartbeats: 3 });
});

for (const argv of [
  ['--repetitions', '0'],
  ['--repetitions', '100'],
  ['--repetitions'],
  ['--json='],
  ['10'],
]) {
  it(`parseOptions refuses ${argv.join(' ')}`, () => assert.throws(() => parseOptions(argv)));
}

describe('toFleetRows', () => {
  const { plan } = parseFleetOptions(['--pipelines', '100']);
  const figures = {
    small: {
      pipelines: [{ perSecond: 19, actions: 5 }],
      handWritten: [{ perSecond: 20, actions: 5 }],
    },
    idleMs: [90, 100, 110],
    fleetMs: [140, 150, 160],
    startSeconds: 10,
    startActions: { actions: 200, heartbeats: 0 },
    freshRest: { seconds: 60, cpuShare: 0.3, actions: { actions: 150, heartbeats: 150 } },
    rest: { seconds: 60, cpuShare: 0.16, actions: { actions: 150, heartbeats: 150 } },
    idleBytes: 200e6,
    peakBytes: 900e6,
    probeMs: [100],
  };
  const rows = toFleetRows(plan, figures);

  it('compares with the targets, from both sides', () => {
    assert.deepEqual(
      rows.map((row) => [row.values[0], isMet(row)]),
      [
        [1.5, true],
        [900, true],
        [16, false],
        [30, undefined],
        [0.95, true],
        [2, undefined],
        [90, undefined],
        [5, undefined],
        [5, undefined],
      ],
    );
  });

  it('leaves out what the system does not tell', () => {
    const { rest } = figures;
    const [, memory, cpu] = toFleetRows(plan, {
      ...figures,
      peakBytes: undefined,
      rest: { ...rest, cpuShare: undefined },
    });
    assert.deepEqual([memory?.values, cpu?.values], [[], []]);
  });
});
