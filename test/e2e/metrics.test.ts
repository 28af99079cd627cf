import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { WorkflowFailedError } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import { findPort } from '../../scripts/dev-server/find-port.js';
import { metrics, toScrapedName } from '../../src/shared/metric-names.js';
import { POST_RUN_PIPELINE } from '../../src/shared/names.js';
import { searchAttributes } from '../../src/shared/search-attributes.js';
import type { Fault, FaultRule } from '../../src/testing.js';
import { useDevServer } from '../support/dev-server.js';
import { API_KEY, callApi, startTestGateway, type TestGateway } from '../support/gateway.js';
import { type Sample, type Scrape, scrape } from '../support/prometheus.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

const HOST = '127.0.0.1';

const temporal = useDevServer({ searchAttributes: { [searchAttributes.phase.name]: 'Keyword' } });

async function startObservedWorker(t: TestContext, gateway: TestGateway) {
  const [metricsAddress, healthAddress] = [
    `${HOST}:${await findPort(HOST)}`,
    `${HOST}:${await findPort(HOST)}`,
  ];
  const worker = await startWorkerProcess(t, {
    address: temporal.address,
    gatewayUrl: gateway.url,
    taskQueue: gateway.runtimeId,
    env: { BCTRL_METRICS_ADDRESS: metricsAddress, BCTRL_HEALTH_ADDRESS: healthAddress },
  });
  return {
    worker,
    metricsAddress,
    health: (path: string) => callApi(`http://${healthAddress}`, 'GET', path),
  };
}

const start = (runtimeId: string, workflowId: string, input: object) =>
  temporal.client.workflow.start(POST_RUN_PIPELINE, {
    taskQueue: runtimeId,
    workflowId,
    args: [{ runtimeId, ...input }],
    typedSearchAttributes: new TypedSearchAttributes([{ key: searchAttributes.phase, value: 'waiting' }]),
  });

/** Scrapes until the metrics have all requests, which the worker reports with a short delay. */
async function scrapeWhenComplete(address: string, gateway: TestGateway): Promise<Scrape> {
  const sent = Object.values(gateway.snapshot().requests).reduce((sum, count) => sum + count, 0);
  return await waitFor(`${sent} requests in the metrics`, async () => {
    const scraped = await scrape(address);
    const reported = scraped.sum(toScrapedName(metrics.requests)) ?? 0;
    assert.ok(reported <= sent, `${reported} of ${sent} requests`);
    return reported === sent && scraped;
  });
}

const fileNames = Array.from({ length: 60 }, (_, index) => `${index}.bin`);
const toSize = (runtimePath: string) => 1_000 + Number.parseInt(runtimePath, 10);
const missing = ['57.bin', '58.bin', '59.bin'];

const headers = { 'retry-after': '1' };
const faults: FaultRule[] = (
  [
    ['0.bin', { kind: 'drop-response' }],
    ['7.bin', { kind: 'truncated-response' }],
    ['11.bin', { kind: 'malformed-response' }],
    ['13.bin', { kind: 'respond', status: 503 }],
    ['21.bin', { kind: 'respond', status: 500 }],
    ['35.bin', { kind: 'reset' }],
    ['42.bin', { kind: 'respond', status: 429, headers }],
  ] as [string, Fault][]
).map(([runtimePath, fault]) => ({ operation: 'collect', runtimePath, times: 1, fault }));
faults.push({ operation: 'collect', runtimePath: '50.bin', fault: { kind: 'respond', status: 403 } });

test('the metrics of a faulty run agree with the gateway’s snapshot', async (t) => {
  const gateway = await startTestGateway(t, { faults });
  for (const path of fileNames.slice(0, -missing.length)) {
    await gateway.addFile(path, Buffer.alloc(toSize(path)));
  }
  const { runtimeId } = gateway;
  const { id } = await gateway.createInvocation({ runtimeId, durationMs: 0 });
  const { worker, metricsAddress, health } = await startObservedWorker(t, gateway);
  const handle = await start(runtimeId, 'faulty', {
    waitFor: { invocationIds: [id] },
    files: fileNames.map((runtimePath) => ({ runtimePath })),
    batchSize: 30,
    exportArchive: {},
    stopRuntime: 'always',
  });
  await assert.rejects(handle.result(), WorkflowFailedError);
  const scraped = await scrapeWhenComplete(metricsAddress, gateway);
  // The SDK holds log lines back for a moment to sort them.
  await waitFor('the log line of the failed workflow', () => worker.stderr().includes('Workflow failed'));
  const lines = logLinesOf(worker.stderr());
  const { requests, responses, files, faults: metFaults } = gateway.snapshot();
  const committed = files.flatMap(({ runtimePath }) => runtimePath ?? []);
  const collects = (labels: Record<string, string>) => scraped.sum('bctrl_collects_total', labels) ?? 0;

  await t.test('every fault occurred', () => {
    assert.equal(Object.keys(metFaults).length, 5);
    assert.equal(committed.length, fileNames.length - missing.length - 1);
  });

  await t.test('requests are counted by operation and status', () => {
    const seen = scraped.samples.filter(({ name }) => name === 'bctrl_requests_total');
    const withStatus = seen.filter(({ labels }) => labels['status'] !== 'none');
    assert.deepEqual(toTable(withStatus), responses);
    for (const [operation, count] of Object.entries(requests)) {
      assert.equal(scraped.sum('bctrl_requests_total', { operation }), count, operation);
    }
    assert.equal(scraped.sum('bctrl_requests_total', { status: 'none' }), 3);
  });

  await t.test('collects are counted by outcome', () => {
    assert.equal(collects({ outcome: 'collected' }) + collects({ outcome: 'found' }), committed.length);
    assert.equal(collects({ outcome: 'found' }), 3);
    assert.equal(collects({ outcome: 'failed', reason_class: 'not_found' }), missing.length);
    assert.equal(collects({ outcome: 'failed', reason_class: 'capability_denied' }), 1);
    assert.equal(collects({ outcome: 'failed' }), missing.length + 1);
    assert.equal(collects({ outcome: 'retried' }), 7);
    assert.equal(collects({ outcome: 'retried', reason_class: 'rate_limited' }), 1);
    assert.equal(scraped.sum('bctrl_collect_duration_seconds_count'), requests.collect);
  });

  await t.test('bytes, lookups and the rate-limit pause are counted', () => {
    const bytes = committed.reduce((sum, path) => sum + toSize(path), 0);
    assert.equal(scraped.sum('bctrl_collected_bytes_total'), bytes);
    // The listing fits on one page.
    assert.equal(scraped.sum('bctrl_lookups_total'), requests['list-files']);
    const pauseSeconds = scraped.sum('bctrl_rate_limit_pause_seconds_total') ?? 0;
    assert.ok(pauseSeconds >= 1 && pauseSeconds < 5, `${pauseSeconds}`);
  });

  await t.test('no request is in flight at the end', () => {
    const inFlight = scraped.samples.filter(({ name }) => name === 'bctrl_requests_in_flight');
    assert.deepEqual(
      new Set(inFlight.map(({ labels }) => labels['operation'])),
      new Set(Object.keys(requests)),
    );
    assert.deepEqual(new Set(inFlight.map(({ value }) => value)), new Set([0]));
  });

  await t.test('every metric has its documented name and labels, and the SDK’s metrics are there', () => {
    for (const metric of Object.values(metrics)) {
      const name = toScrapedName(metric);
      const found = scraped.samples.find(
        (sample) => sample.name.replace(/_(bucket|sum|count)$/, '') === name,
      );
      assert.ok(found, name);
      for (const label of metric.labels) assert.ok(label in found.labels, `${name}{${label}}`);
    }
    assert.ok(scraped.has('temporal_activity_execution_latency_seconds_bucket'));
    // Retried failures are benign, so the SDK does not count them.
    assert.equal(scraped.sum('temporal_activity_execution_failed_total') ?? 0, 0);
    assert.equal(scraped.sum('temporal_workflow_failed_total'), 1);
  });

  await t.test('the log has one line for each file that failed', () => {
    const failed = lines.filter(({ msg }) => msg === 'collect failed');
    const retried = lines.filter(({ msg }) => msg === 'collect retried');
    assert.deepEqual([failed.length, retried.length], [missing.length + 1, 7]);
    assert.deepEqual(new Set(failed.map(({ level }) => level)), new Set(['warn']));
    for (const line of [...failed, ...retried]) {
      assert.equal(line['workflowId'], 'faulty');
      assert.match(String(line['runtimePath']), /^\d+\.bin$/);
      assert.match(String(line['reasonClass']), /^\w+$/);
      assert.equal(typeof line['attempt'], 'number');
    }
    const [limited] = retried.filter(({ reasonClass }) => reasonClass === 'rate_limited');
    assert.deepEqual(
      [limited?.['runtimePath'], limited?.['status'], limited?.['level']],
      ['42.bin', 429, 'info'],
    );
    assert.match(String(limited?.['requestId']), /^req_/);
    assert.ok(Number(limited?.['nextDelayMs']) >= 1_000);
    assert.deepEqual(
      lines.filter(({ msg }) => msg === 'Activity failed'),
      [],
    );
    const [ended] = lines.filter(({ msg }) => msg === 'Workflow failed');
    assert.deepEqual(
      [ended?.['problem'], ended?.['stack']],
      ['4 of 60 files could not be collected', undefined],
    );
  });

  await t.test('the log holds no secret', () => {
    for (const secret of [API_KEY, 'downloadUrl', 'signature', 'taskToken', 'createdAfter']) {
      assert.ok(!worker.stderr().includes(secret), secret);
    }
  });

  await t.test('readiness follows the API key, liveness does not', async () => {
    assert.deepEqual((await health('/readyz')).body, { status: 'ok' });
    gateway.setFaults([{ operation: '*', fault: { kind: 'respond', status: 401 } }]);
    const other = await gateway.createRuntime();
    const held = await start(runtimeId, 'held', {
      runtimeId: other,
      files: [{ runtimePath: 'a' }],
      onFailure: 'hold',
    });
    await waitForPhase(held, 'held');
    const findHolds = () => logLinesOf(worker.stderr()).filter(({ msg }) => msg === 'pipeline is held');
    const [line] = await waitFor('the log line of the hold', () => findHolds().length > 0 && findHolds());
    assert.deepEqual(
      [line?.['level'], line?.['workflowId'], line?.['files'], line?.['failed'], line?.['unresolvedJobs']],
      ['warn', 'held', 1, 1, 0],
    );
    const problem =
      /^1 of 1 files could not be collected \(unauthorized a: POST .* returned 401 auth\.required/;
    assert.match(String(line?.['problem']), problem);
    const { status, body } = await health('/readyz');
    assert.deepEqual([status, body.status, body.problems.length], [503, 'unavailable', 1]);
    assert.match(body.problems[0], /^GET \/v1\/auth\/whoami returned 401/);
    assert.equal((await health('/livez')).status, 200);
    assert.equal((await health('/')).status, 404);
  });

  await t.test('held pipelines are counted', async () => {
    gateway.setFaults([]);
    const other = await startObservedWorker(t, gateway);
    const held = await waitFor('the gauge', async () =>
      (await scrape(other.metricsAddress)).sum('bctrl_held_pipelines'),
    );
    assert.equal(held, 1);
  });

  await t.test('SIGTERM ends the worker and its HTTP servers', async () => {
    worker.child.kill('SIGTERM');
    assert.equal((await worker.ended).code, 0);
    await assert.rejects(health('/livez'));
    await assert.rejects(scrape(metricsAddress));
  });
});

function logLinesOf(text: string): Record<string, unknown>[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

function toTable(samples: readonly Sample[]): Record<string, Record<string, number>> {
  const table: Record<string, Record<string, number>> = {};
  for (const { labels, value } of samples) {
    const { operation = '', status = '' } = labels;
    table[operation] = { ...table[operation], [status]: value };
  }
  return table;
}
