import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { findPort } from '../../scripts/dev-server/find-port.js';
import { JOB_FINISHED_SIGNAL, POST_RUN_PIPELINE } from '../../src/shared/names.js';
import { createTestActivities } from '../support/activities.js';
import { useDevServerEnv } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { scrape } from '../support/prometheus.js';
import { workflowBundle } from '../support/temporal.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

const HOST = '127.0.0.1';
const OBSERVABILITY = new URL('../../docker/observability/', import.meta.url);

/** Only there after a failure. The first is provoked below. */
const FAILURES = [
  'temporal_workflow_task_execution_failed_total',
  'temporal_request_failure_total',
  'temporal_long_request_failure_total',
];

const env = useDevServerEnv();

/** Alerts and dashboard, as text. */
const queries = await Promise.all(
  ['prometheus/alerts.yml', 'grafana/dashboards/bctrl-temporal.json'].map((path) =>
    readFile(new URL(path, OBSERVABILITY), 'utf8'),
  ),
);

async function startObservedWorker(t: TestContext) {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a.txt');
  const metricsAddress = `${HOST}:${await findPort(HOST)}`;
  const { runtimeId, url: gatewayUrl } = gateway;
  const start = () =>
    startWorkerProcess(t, {
      address: env().address,
      gatewayUrl,
      taskQueue: runtimeId,
      env: { BCTRL_METRICS_ADDRESS: metricsAddress },
    });
  const run = (workflowId: string, input: object = {}) =>
    env().client.workflow.start(POST_RUN_PIPELINE, {
      workflowId,
      taskQueue: runtimeId,
      args: [{ runtimeId, files: [{ runtimePath: 'a.txt' }], ...input }],
    });
  return { gateway, start, run, scrape: () => scrape(metricsAddress) };
}

test('a worker has the SDK’s metrics that alerts and dashboard query', async (t) => {
  const worker = await startObservedWorker(t);
  await worker.start();
  await (await worker.run('succeeds')).result();
  const fails = await worker.run('fails', { files: [{ runtimePath: 'none.txt' }] });
  await fails.result().catch(() => undefined);
  const scraped = await worker.scrape();
  const names = new Set(queries.join().match(/\btemporal_\w+/g));
  assert.ok(names.size >= 8, [...names].join());
  for (const name of names) assert.ok(FAILURES.includes(name) || scraped.has(name), name);
  const buckets = scraped.samples
    .filter(({ name }) => name.endsWith('_schedule_to_start_latency_seconds_bucket'))
    .map(({ labels }) => Number(labels['le']));
  // A quantile is never above the last bucket that is not +Inf.
  const thresholds = [...queries.join().matchAll(/_latency_seconds_bucket\[5m\]\)\)\) > (\d+)/g)];
  assert.equal(thresholds.length, 2);
  for (const [, seconds] of thresholds) {
    assert.ok(
      buckets.some((le) => Number.isFinite(le) && le > Number(seconds)),
      `${seconds} s of ${buckets}`,
    );
  }
});

test('a pipeline that does not replay is counted as NonDeterminismError', async (t) => {
  const worker = await startObservedWorker(t);
  const code = await readFile(workflowBundle().codePath, 'utf8');
  const [sdk] = /_temporalio_workflow__WEBPACK_IMPORTED_MODULE_\d+__/.exec(code) ?? [];
  const changed = code.replace(
    /const isResumed = await hold\(pipeline\)/,
    `(0,${sdk}.patched)('of-another-version'); $&`,
  );
  assert.notEqual(changed, code);
  const { runtimeId: taskQueue, url } = worker.gateway;
  const otherVersion = await Worker.create({
    connection: env().nativeConnection,
    taskQueue,
    debugMode: true,
    workflowBundle: { code: changed },
    activities: createTestActivities(t, url),
  });
  const handle = await worker.run('held', { files: [{ runtimePath: 'none.txt' }], onFailure: 'hold' });
  await otherVersion.runUntil(waitForPhase(handle, 'held'));
  await worker.start();
  await handle.signal(JOB_FINISHED_SIGNAL);
  const failed = await waitFor('the failed workflow task', async () =>
    (await worker.scrape()).samples.find(
      ({ name }) => name === 'temporal_workflow_task_execution_failed_total',
    ),
  );
  assert.deepEqual(
    [failed.labels['failure_reason'], failed.labels['workflow_type'], failed.labels['task_queue']],
    ['NonDeterminismError', POST_RUN_PIPELINE, taskQueue],
  );
  await handle.terminate();
});

test('the SDK’s core has the names that only a failure shows', async () => {
  const releases = fileURLToPath(
    new URL('../../node_modules/@temporalio/core-bridge/releases/', import.meta.url),
  );
  const [release = ''] = await readdir(releases).then((names) =>
    names.filter((name) => name.includes('linux-gnu')),
  );
  const library = await readFile(join(releases, release, 'index.node'));
  const reasons = [...queries.join().matchAll(/failure_reason=~?\\?"([\w|]+)/g)].flatMap(([, list = '']) =>
    list.split('|'),
  );
  assert.ok(reasons.length >= 4);
  const names = FAILURES.map((name) => name.replace(/^temporal_(.*)_total$/, '$1'));
  for (const text of [...reasons, ...names, 'status_code', 'RESOURCE_EXHAUSTED']) {
    assert.ok(library.includes(text), text);
  }
});
