import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { Children } from '../../scripts/chaos/children.js';
import type { FaultName } from '../../scripts/chaos/faults.js';
import { judge, toFigures } from '../../scripts/chaos/report.js';
import { runChaos } from '../../scripts/chaos/run.js';
import { TemporalServer } from '../../scripts/chaos/temporal-server.js';
import { WorkerServer } from '../../scripts/chaos/worker-server.js';

/** Those from which a pipeline recovers within seconds. */
const faultNames: readonly FaultName[] = [
  'worker: SIGKILL',
  'worker: SIGTERM',
  'Temporal: SIGKILL',
  'gateway: SIGKILL',
  'network: resets',
  'responses: 429 with Retry-After',
  'responses: lost',
];

/** A wait for a job that loses its worker goes on after two minutes, so no job is waited for. */
const storyNames = [
  'small',
  'archive',
  'missing optional files',
  'files are added',
  'held, then resumed',
  'terminated, then rerun',
  'reset when it has ended',
];

test('every invariant holds while all processes are struck', { timeout: 300_000 }, async (t) => {
  const options = { seed: 3, durationMs: 20_000, faults: true, workers: 2, pipelines: 8, json: undefined };
  const io = { log: (line: string) => t.diagnostic(line), signal: t.signal };
  const result = await runChaos({ ...options, faultNames, storyNames }, io);

  assert.deepEqual(
    judge(result.facts).filter(({ problems }) => problems.length > 0),
    [],
  );
  const { figures } = toFigures(result);
  const struck = [...result.faults.values()].reduce((sum, count) => sum + count, 0);
  assert.ok(struck >= 5, `${struck} faults`);
  assert.equal(figures.pipelines, options.pipelines);
  assert.ok(figures['files committed'] >= figures['files to collect'] && figures['files to collect'] > 0);
});

test('a worker that cannot start says why, and is not started again', async (t) => {
  const children = new Children(tmpdir(), 'no run');
  const temporal = new TemporalServer({ executable: '' });
  const env = { BCTRL_BASE_URL: 'nowhere', BCTRL_API_KEY: 'key' };
  const worker = new WorkerServer('worker 1', { children, temporal, env, signal: t.signal });

  await assert.rejects(worker.start(), /^Error: worker 1 did not start: .*BCTRL_BASE_URL/);
  assert.equal(worker.life, 1);
});

test('an interrupted run starts no worker', async () => {
  const children = new Children(tmpdir(), 'no run');
  const temporal = new TemporalServer({ executable: '' });
  const signal = AbortSignal.abort(new Error('interrupted'));
  const worker = new WorkerServer('worker 1', { children, temporal, env: {}, signal });

  await assert.rejects(worker.start(), /^Error: interrupted$/);
  assert.equal(worker.life, 0);
});
