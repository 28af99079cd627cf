import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Repetition } from '../../scripts/bench/measure.js';
import type { PipelineFigures } from '../../scripts/bench/pipelines/measure-pipeline.js';
import { createPlan } from '../../scripts/bench/plan.js';
import { isMet, type MeasureRow, toMeasureRows } from '../../scripts/bench/report/measure-rows.js';
import { renderTable } from '../../scripts/bench/report/render-table.js';

const gateway = { cpuShare: 0.5, loopUtilization: 0.5 };
const loop = (callsPerSecond: number) => ({ callsPerSecond, clientCpuShare: 1, gateway });
const pipeline = (files: number, ms: number): PipelineFigures => ({
  files,
  ms,
  runs: 1,
  events: files / 100,
  historyBytes: files * 100,
  actions: files / 100,
  heartbeats: files / 100,
  serverActions: files / 50,
  gateway,
});
/** A repetition on a machine that is `speed` times as fast. */
const repetition = (speed: number): Repetition => ({
  raw: loop(5_000 * speed),
  collect: loop(4_000 * speed),
  noop: loop(50_000 * speed),
  headroom: loop(6_000 * speed),
  noopPipeline: { ...pipeline(1_000, 10_000 / speed) },
  pipelines: [pipeline(1_000, 400 / speed), pipeline(10_000, 2_500 / speed)],
  latency: { pipelineMs: [50, 60, 70], noopMs: [40, 50, 60] },
  memory: [
    { files: 100, workerStartMs: 900, peakBytes: 250e6 },
    { files: 10_000, workerStartMs: 950, peakBytes: 280e6 },
  ],
  helpMs: [100, 200],
  probeMs: [100, 110],
});

const plan = { ...createPlan({ quick: false }), sizes: [1_000, 10_000] };
const row = (rows: readonly MeasureRow[], start: string) => {
  const found = rows.find(({ measure }) => measure.startsWith(start));
  assert.ok(found, start);
  return found;
};

describe('toMeasureRows', () => {
  const rows = toMeasureRows(plan, [repetition(1), repetition(2)]);

  it('compares what was measured in the same repetition', () => {
    assert.deepEqual(row(rows, '10,000-file pipeline vs no-op').values, [40, 40]);
    assert.deepEqual(row(rows, '10,000-file pipeline vs raw').values, [0.8, 0.8]);
    assert.deepEqual(row(rows, 'time per file at 10,000 vs at 1,000').values, [0.625, 0.625]);
    assert.deepEqual(row(rows, 'collectRuntimeFile').values, [0.8, 0.8]);
    assert.deepEqual(row(rows, 'one-file pipeline').values, [1.2, 1.2]);
  });

  it('counts the heartbeats among the Actions', () => {
    assert.deepEqual(row(rows, 'Temporal Actions per file').values, [0.02, 0.02]);
  });

  it('tells the growth of the memory in MB, where the system tells the memory', () => {
    const { measure, values } = row(rows, 'worker memory growth');
    assert.deepEqual([measure, values], ['worker memory growth from 100 to 10,000 files', [30, 30]]);
    const untold = { ...repetition(1), memory: [{ files: 100, workerStartMs: 900, peakBytes: undefined }] };
    assert.deepEqual(row(toMeasureRows(plan, [untold]), 'worker memory growth').values, []);
  });
});

describe('isMet', () => {
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
    assert.deepEqual([isMet(rate(20)), isMet(rate(19.9)), isMet(rate(1, 20, 30))], [true, false, true]);
    assert.deepEqual([isMet(time(0.3)), isMet(time(0.31)), isMet(time(0.2, 0.3, 9))], [true, false, true]);
  });

  it('does not judge what has no target or was not measured', () => {
    assert.equal(isMet({ measure: 'any', unit: '', values: [1] }), undefined);
    assert.equal(isMet(time()), undefined);
  });

  it('is what the table says', () => {
    assert.equal(
      renderTable([rate(2_000, 21, 25), time(0.4), time()]),
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
