import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findPort } from '../../scripts/dev-server/find-port.js';
import { REDACTED } from '../../src/bctrl/find-secrets.js';
import { exitCodes } from '../../src/exit.js';
import type { FaultRule } from '../../src/testing.js';
import { startServer } from '../support/client.js';
import { useDevServer } from '../support/dev-server.js';
import { runExecutable } from '../support/executable.js';
import { createTestFolder, startTestGateway } from '../support/gateway.js';
import { assertNoSecret, hostileTexts, SECRET_KEY } from '../support/secrets.js';
import { storedText } from '../support/stored-text.js';
import { assertSafeForTerminal, STEERING_NAME } from '../support/terminal-safety.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

/** A text for an error: a secret, then what steers a terminal, or the other way around. */
const toText = (secret: string, index: number) =>
  index % 2 === 0 ? `${secret} ${STEERING_NAME}` : `${STEERING_NAME.slice(0, 60)} ${secret}`;

/** A path with everything that is well-formed Unicode, and that a workflow's input may have. */
const STEERING_PATH = `a${STEERING_NAME.replaceAll(/\p{Cs}/gu, '')}.txt`;

const HOST = '127.0.0.1';

const temporal = useDevServer();

function toBody(secret: string, index: number) {
  const text = toText(secret, index);
  return { code: text, error: text, hint: text, requestId: text, details: { [text]: text } };
}

/** Each of the first files fails with another text, by default for good. */
function toFaults(statusOf: (index: number) => number = () => 422): FaultRule[] {
  return hostileTexts.map((secret, index) => ({
    operation: 'collect',
    runtimePath: toPath(index),
    fault: { kind: 'respond', status: statusOf(index), body: toBody(secret, index) },
  }));
}

const toPath = (index: number) => `f/${index}.txt`;

async function setUp(t: TestContext, faults = toFaults()) {
  const spans: string[] = [];
  const [gateway, collectorUrl, port, folder] = await Promise.all([
    startTestGateway(t, { apiKeys: [SECRET_KEY], faults }),
    startServer(t, async (request, response) => {
      for await (const chunk of request) spans.push(String(chunk));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    }),
    findPort(HOST),
    createTestFolder(t),
  ]);
  await gateway.addFile('good.txt');
  const common = {
    TEMPORAL_ADDRESS: temporal.address,
    BCTRL_TASK_QUEUE: gateway.runtimeId,
    BCTRL_BASE_URL: gateway.url,
    BCTRL_API_KEY: SECRET_KEY,
  };
  const worker = await startWorkerProcess(t, {
    address: temporal.address,
    gatewayUrl: gateway.url,
    taskQueue: gateway.runtimeId,
    env: {
      ...common,
      BCTRL_LOG_LEVEL: 'debug',
      BCTRL_METRICS_ADDRESS: `${HOST}:${port}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
    },
  });
  const outputs: { readonly command: string; readonly output: string }[] = [];
  const run = async (...argv: string[]) => {
    const { code, stdout, stderr } = await runExecutable(t, 'starter', argv, common);
    outputs.push({ command: argv.join(' '), output: `${stdout}${stderr}` });
    return { code, stdout, stderr };
  };
  /** Starts a pipeline of a runtime of its own, and returns its id. */
  const start = async (fields: object, ...options: string[]) => {
    const runtimeId = await gateway.createRuntime();
    const file = join(folder, `${runtimeId}.json`);
    await writeFile(file, JSON.stringify({ runtimeId, ...fields }));
    const { stderr } = await run('start', '--spec', file, ...options);
    const [, workflowId] = /^started (\S+)$/m.exec(stderr) ?? [];
    assert.ok(workflowId !== undefined, stderr);
    return workflowId;
  };
  return { gateway, worker, run, start, outputs, spans, metricsUrl: `http://${HOST}:${port}/metrics` };
}

const toFiles = (paths: readonly string[]) => paths.map((runtimePath) => ({ runtimePath }));

test('no secret that the API echoes is anywhere, and nothing steers a terminal', {
  timeout: 300_000,
}, async (t) => {
  const { gateway, worker, run, start, outputs, spans, metricsUrl } = await setUp(t);
  const { runtimeId } = gateway;
  const text = toText(SECRET_KEY, 0);
  const { id } = await gateway.createInvocation({
    runtimeId,
    durationMs: 0,
    status: 'failed',
    action: text,
    error: { code: text, message: hostileTexts.join(' '), details: { text } },
  });
  const all = hostileTexts.map((_, index) => toPath(index));
  const some = [...all.filter((_, index) => index % 12 === 0), STEERING_PATH, 'good.txt'];
  const few = await start(
    { runtimeId, files: toFiles(some), waitFor: { invocationIds: [id] }, whenJobFails: 'collect' },
    '--wait',
  );
  const many = await start({ files: toFiles([...all, STEERING_PATH]) }, '--wait', '--all');
  const held = await start({ files: toFiles(['f/0.txt', STEERING_PATH]), onFailure: 'hold' });
  const signal = await start({ files: toFiles(['f/1.txt']), waitFor: { signal: true } });
  await run('start', runtimeId, STEERING_PATH.replaceAll('\0', ''), '--dry-run');
  await waitForPhase(temporal.client.workflow.getHandle(held), 'held');
  for (const workflow of [few, many, held, signal]) {
    await run('status', workflow);
    await run('status', workflow, '--json');
  }
  for (const workflow of [few, many]) {
    for (const options of [[], ['--json'], ['--all'], ['--files']]) await run('result', workflow, ...options);
    await run('watch', workflow);
  }
  await run('list');
  await run('list', '--json');
  await run('list', '--failed');
  await run('resume', held);
  await waitForPhase(temporal.client.workflow.getHandle(held), 'held');
  await run('add-files', held, STEERING_PATH.replaceAll('\0', ''), 'good.txt');
  await run('result', held, '--exit-on-hold', '--timeout', '5s');
  await run('abandon', held);
  await run('job-finished', signal);
  await run('cancel', signal);
  await run('rerun', few, '--wait');
  await run('collect', runtimeId, 'f/2.txt');
  await run('collect', runtimeId, STEERING_PATH.replaceAll('\0', ''));
  await run('doctor');
  await run('doctor', '--json');

  gateway.setFaults([
    { operation: 'whoami', fault: { kind: 'respond', status: 401, body: { error: text } } },
  ]);
  assert.equal((await run('doctor')).code, exitCodes.usage);

  for (const { command, output } of outputs) {
    assert.notEqual(output, '', command);
    assertNoSecret(output, `the output of ${command}`);
    assertSafeForTerminal(output);
  }
  const json = outputs.find(({ command }) => command === `result ${many} --json`);
  assert.match(json?.output ?? '', /returned 422 \[redacted\]/);
  const metrics = await (await fetch(metricsUrl)).text();
  assert.match(metrics, /bctrl_collects_total/);
  assertNoSecret(metrics, 'the metrics');
  const workflows = [];
  for await (const { workflowId, runId } of temporal.client.workflow.list()) {
    const history = await temporal.client.workflow.getHandle(workflowId, runId).fetchHistory();
    const json = JSON.stringify(history, decodePayload);
    assertNoSecret(json, `the history of ${workflowId}`);
    workflows.push(workflowId);
  }
  assert.ok(workflows.includes(few) && workflows.includes(many) && workflows.length >= 7);
  worker.child.kill('SIGTERM');
  const { stderr, stdout } = await worker.ended;
  assert.match(stderr, /collect failed/);
  assertSafeForTerminal(stderr + stdout);
  assertNoSecret(stderr + stdout, 'the log of the worker');
  assert.ok(spans.length > 0);
  assertNoSecret(spans.join('\n'), 'the spans');
});

/** Some files of a pipeline, so few that each has an activity of its own. */
const isRetried = (index: number) => index % 12 === 0;

test('nor is one in what the Temporal UI reads of failures that are retried', {
  timeout: 300_000,
}, async (t) => {
  const collects: FaultRule[] = [
    ...toFaults((index) => (isRetried(index) ? 503 : 422)),
    {
      operation: 'collect',
      runtimePath: SPLIT_PATH,
      fault: {
        kind: 'respond',
        status: 503,
        body: { code: 'a.b', error: SECRET_KEY.slice(0, 16), hint: SECRET_KEY.slice(16) },
      },
    },
  ];
  const { gateway, start } = await setUp(t, collects);
  const all = hostileTexts.map((_, index) => toPath(index));
  const retried = [...all.filter((_, index) => isRetried(index)), SPLIT_PATH];
  const [single, batched] = await Promise.all([
    start({ files: toFiles([...retried, toPath(2)]) }),
    start({ files: toFiles(all), batchSize: 100 }),
  ]);
  const scan = async (failure: RegExp) => {
    const ofFiles = await waitForRetries(single, retried.length, failure);
    assert.ok(ofFiles.messages.filter((message) => message.includes(REDACTED)).length > retried.length / 2);
    assertNoSecret(ofFiles.stored, `the description while ${failure} is retried`);
    const ofBatches = await waitForRetries(batched, Math.ceil(all.length / 100), failure);
    assert.match(ofBatches.heartbeats, /returned 422 [^"]*\[redacted\]/);
    assertNoSecret(ofBatches.stored, `the description of batches while ${failure} is retried`);
    const metadata = await waitFor('the final failure in the current details', async () => {
      const query = { queryType: '__temporal_workflow_metadata' };
      const answer = storedText(
        await temporal.client.workflowService.queryWorkflow({ ...toRequest(single), query }),
      );
      return /returned 422 .*\[redacted\]/.test(answer) && answer;
    });
    assertNoSecret(metadata, 'the metadata of the workflow');
  };
  await scan(/\/files\/collect returned 503 ./);

  // Each lookup fails with another text, the last one again and again.
  const lookups = hostileTexts.filter((_, index) => isRetried(index)).toReversed();
  gateway.setFaults([
    ...lookups.map(
      (secret, index): FaultRule => ({
        operation: 'list-files',
        ...(index + 1 < lookups.length && { times: 1 }),
        fault: { kind: 'respond', status: 503, body: toBody(secret, index) },
      }),
    ),
    ...collects,
  ]);
  await scan(/GET \/v1\/files returned 503 ./);
});

const SPLIT_PATH = 'split.txt';

const toRequest = (workflowId: string) => ({ namespace: 'default', execution: { workflowId } });

/** Waits until so many activities are pending, each with this failure, and returns what the server tells of them. */
async function waitForRetries(workflowId: string, count: number, failure: RegExp) {
  return await waitFor(`${count} times ${failure}`, async () => {
    const description = await temporal.client.workflowService.describeWorkflowExecution(
      toRequest(workflowId),
    );
    const activities = description.pendingActivities ?? [];
    const messages = activities.map(({ lastFailure }) => lastFailure?.message ?? '');
    const heartbeats = activities.map(({ heartbeatDetails }) => storedText(heartbeatDetails)).join('');
    const isThere = messages.length === count && messages.every((message) => failure.test(message));
    return isThere && { messages, heartbeats, stored: storedText(description) };
  });
}

/** Payloads are bytes of JSON. */
function decodePayload(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  const isBuffer = typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer';
  return isBuffer && 'data' in value ? Buffer.from(value.data as number[]).toString() : value;
}
