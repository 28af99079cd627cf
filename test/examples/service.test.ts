import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_TASK_QUEUE } from 'bctrl-temporal/client';
import { useDevServer } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';
import { endExample, startExample, storedFiles } from './example-process.js';

const temporal = useDevServer();

test('service: starts a pipeline once, shows its progress and its report, also of a failed one', async (t) => {
  const gateway = await startTestGateway(t);
  const { runtimeId } = gateway;
  const job = await gateway.createInvocation({ runtimeId, durationMs: 2_000 });
  await startWorkerProcess(t, {
    address: temporal.address,
    gatewayUrl: gateway.url,
    taskQueue: DEFAULT_TASK_QUEUE,
  });
  const service = startExample(t, { temporal, gateway }, 'service/server.ts');
  const [, port] = await waitFor('the service', () => /port: (\d+)/.exec(service.stdout()));
  const call = async (method: 'GET' | 'POST', path: string, body?: string) => {
    const response = await fetch(`http://localhost:${port}${path}`, { method, ...(body && { body }) });
    // biome-ignore lint/suspicious/noExplicitAny: responses of every shape
    const json: any = await response.json();
    return { status: response.status, body: json };
  };
  const start = (body: object) => call('POST', '/pipelines', JSON.stringify(body));

  // Only one of two requests at once makes a pipeline.
  const input = { runtimeId, invocationId: job.id };
  const started = await Promise.all([start(input), start(input)]);
  assert.deepEqual(started.map(({ status }) => status).sort(), [200, 201]);
  const [workflowId] = new Set(started.map(({ body }) => body.workflowId));
  const pipeline = `/pipelines/${encodeURIComponent(workflowId)}`;

  const progress = await call('GET', pipeline);
  assert.deepEqual([progress.status, progress.body.phase], [200, 'waiting']);

  await gateway.writeFiles(runtimeId, { 'results.csv': 'a,b' });
  const succeeded = await call('GET', `${pipeline}/report`);
  assert.equal(succeeded.status, 200);
  assert.equal(succeeded.body.outcome, 'succeeded');
  assert.deepEqual(
    storedFiles({ gateway }).map(([from]) => from),
    ['results.csv'],
  );
  assert.deepEqual(await start(input), { status: 200, body: { workflowId, isNew: false } });

  const empty = await gateway.createRuntime();
  const emptyJob = await gateway.createInvocation({ runtimeId: empty, durationMs: 0 });
  const { body } = await start({ runtimeId: empty, invocationId: emptyJob.id });
  const failed = await call('GET', `/pipelines/${encodeURIComponent(body.workflowId)}/report`);
  assert.deepEqual([failed.status, failed.body.outcome, failed.body.counts.failed], [200, 'failed', 1]);

  const wrong = await start({ runtimeId });
  assert.equal(wrong.status, 400);
  assert.match(wrong.body.message, /invocationIds/);
  assert.equal((await call('POST', '/pipelines', '{')).status, 400);
  assert.equal((await call('GET', '/pipelines/unknown')).status, 404);
  assert.equal((await call('GET', '/unknown')).status, 404);
  await endExample(service);
});
