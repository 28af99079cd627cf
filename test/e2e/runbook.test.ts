import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type PipelineInput, startPipeline } from '../../src/client.js';
import type { FaultRule, GatewayOptions } from '../../src/testing.js';
import { useDevServer } from '../support/dev-server.js';
import { API_KEY, createTestFolder, startTestGateway } from '../support/gateway.js';
import { createShell, readCommands, type Shell } from '../support/runbook.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

const temporal = useDevServer();

const refuse = (status: number, runtimePath = 'b.txt'): FaultRule => ({
  operation: 'collect',
  runtimePath,
  fault: { kind: 'respond', status },
});

/** A gateway, whose files are `a.txt` and `b.txt`, and a shell for the commands of docs/runbook.md. */
async function setUp(t: TestContext, options: GatewayOptions = {}, env: Record<string, string> = {}) {
  const gateway = await startTestGateway(t, options);
  const taskQueue = gateway.runtimeId;
  const shell = await createShell(t, {
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: 'default',
    BCTRL_TASK_QUEUE: taskQueue,
    BCTRL_BASE_URL: gateway.url,
    BCTRL_API_KEY: API_KEY,
    ...env,
  });
  await runOk(shell, 'bctrl-temporal setup');
  return {
    gateway,
    shell,
    work: (variables: Record<string, string> = {}) =>
      startWorkerProcess(t, {
        address: temporal.address,
        gatewayUrl: gateway.url,
        taskQueue,
        env: { ...env, ...variables },
      }),
    async start(input: Partial<PipelineInput> = {}) {
      const runtimeId = await gateway.createRuntime({ 'a.txt': 'a', 'b.txt': 'b' });
      const files = [{ runtimePath: 'a.txt' }, { runtimePath: 'b.txt' }];
      const pipeline = { runtimeId, files, ...input } as PipelineInput;
      const started = await startPipeline(temporal.client, pipeline, { taskQueue });
      return { ...started, id: started.workflowId, runtime: runtimeId };
    },
  };
}

async function runOk(shell: Shell, command: string, variables: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await shell.run(command, variables);
  assert.equal(code, 0, `${command}: ${stdout}${stderr}`);
  return stdout;
}

/** Runs commands one after the other. Returns what each prints. */
async function runAll(shell: Shell, commands: readonly string[], variables: Record<string, string> = {}) {
  const outputs: string[] = [];
  for (const command of commands) outputs.push(await runOk(shell, command, variables));
  return outputs;
}

/** Visibility is eventually consistent. */
async function waitUntilListed(query: string): Promise<void> {
  await waitFor(query, async () => (await temporal.client.workflow.count(query)).count > 0);
}

test('Rotate a key: 40 running pipelines go on, and no request is refused', async (t) => {
  const file = join(await createTestFolder(t), 'bctrl-api-key');
  await writeFile(file, API_KEY);
  const keyFile = { BCTRL_API_KEY: '', BCTRL_API_KEY_FILE: file };
  const { gateway, shell, work, start } = await setUp(t, {}, keyFile);
  const worker = await work();
  const pipelines = await Promise.all(Array.from({ length: 40 }, () => start({ waitFor: { signal: true } })));
  const NEW_KEY = 'the-new-key';
  gateway.setApiKeys([API_KEY, NEW_KEY]);
  const commands = await readCommands('## Rotate a key');
  const check = commands.pop();
  assert.ok(check);
  await runAll(shell, commands, { NEW_KEY });
  await waitFor('the new key', () => worker.stderr().includes('API key replaced'));
  const checked = await runOk(shell, check);
  assert.match(checked, /^ok +api /m);
  gateway.setApiKeys([NEW_KEY]);
  await Promise.all(pipelines.map((pipeline) => pipeline.jobFinished()));
  const reports = await Promise.all(pipelines.map((pipeline) => pipeline.result()));
  assert.deepEqual(
    reports.map(({ counts }) => counts.collected),
    pipelines.map(() => 2),
  );
  const refused = Object.values(gateway.snapshot().responses).map((statuses) => statuses[401] ?? 0);
  assert.ok(refused.every((count) => count === 0));
});

test('With Worker Versioning: a held pipeline survives a deploy, and is moved when its workers go', async (t) => {
  const { gateway, shell, work, start } = await setUp(t, { faults: [refuse(403)] });
  const variables = { deployment: gateway.runtimeId, old: '1.3.0', new: '1.4.0' };
  const version = (buildId: string) => ({
    TEMPORAL_DEPLOYMENT_NAME: variables.deployment,
    TEMPORAL_WORKER_BUILD_ID: buildId,
  });
  const [setCurrent = '', describe = '', listOld = '', listHeld = '', move = '', ...others] =
    await readCommands('### With Worker Versioning');
  assert.deepEqual(others, []);
  const makeCurrent = (buildId: string) =>
    // The server refuses a version until it has seen it poll.
    waitFor(`the current version ${buildId}`, async () => {
      return (await shell.run(setCurrent, { ...variables, new: buildId })).code === 0;
    });
  const oldWorker = await work(version(variables.old));
  await makeCurrent(variables.old);
  const held = await start({ onFailure: 'hold' });
  await waitForPhase(held.workflowHandle, 'held');

  await work(version(variables.new));
  await makeCurrent(variables.new);
  assert.match(await runOk(shell, describe, variables), /1\.4\.0/);
  await waitFor('the held pipeline of the old version', async () =>
    (await runOk(shell, listOld, variables)).includes(held.id),
  );
  assert.ok((await runOk(shell, listHeld)).includes(held.id));
  await runOk(shell, move, variables);
  await waitFor('nothing on the old version', async () => {
    return !(await runOk(shell, listOld, variables)).includes(held.id);
  });
  oldWorker.child.kill('SIGTERM');
  assert.equal((await oldWorker.ended).code, 0);
  gateway.setFaults([]);
  await runOk(shell, 'bctrl-temporal resume "$id"', { id: held.id });
  assert.equal((await held.result()).counts.collected, 2);
});

test('A pipeline is stuck: status says why, and a rerun after a termination collects only the rest', async (t) => {
  const { gateway, shell, work, start } = await setUp(t, { faults: [refuse(503)] });
  await work();
  const { id, workflowHandle } = await start();
  await waitForPhase(workflowHandle, 'collecting', ({ counts }) => counts.collected === 1);
  const [status = '', describe = '', terminate = '', rerun = '', ...others] =
    await readCommands('## A pipeline is stuck');
  assert.deepEqual(others, []);
  const shown = await waitFor('a pending retry', async () => {
    const text = await runOk(shell, status, { id });
    return /retry +attempt \d+ .*after upstream/.test(text) && text;
  });
  assert.match(shown, /^status +running, collecting$/m);
  assert.match(await runOk(shell, describe, { id }), /Pending Activities: 1/);
  await runOk(shell, terminate, { id });
  gateway.setFaults([]);
  await runOk(shell, rerun, { id });
  const paths = gateway.snapshot().files.map(({ runtimePath }) => runtimePath);
  assert.deepEqual(paths.toSorted(), ['a.txt', 'b.txt'], 'each once');
});

test('A pipeline is stuck: the commands of its table end a hold and a wait', async (t) => {
  const { gateway, shell, work, start } = await setUp(t, { faults: [refuse(403)] });
  await work();
  const held = await start({ onFailure: 'hold' });
  await waitForPhase(held.workflowHandle, 'held');
  assert.match(
    await runOk(shell, 'bctrl-temporal status "$id"', { id: held.id }),
    /^status +running, held$/m,
  );
  gateway.setFaults([]);
  await runOk(shell, 'bctrl-temporal resume "$id"', { id: held.id });
  assert.equal((await held.result()).counts.collected, 2);
  const waiting = await start({ waitFor: { signal: true } });
  await waitForPhase(waiting.workflowHandle, 'waiting');
  await runOk(shell, 'bctrl-temporal job-finished "$id"', { id: waiting.id });
  assert.equal((await waiting.result()).counts.collected, 2);
});

test('The API was down last night: what failed is rerun, what is held is resumed, and then nothing is left', async (t) => {
  const { gateway, shell, work, start } = await setUp(t, { faults: [refuse(503)] });
  await work();
  const outage = { giveUpAfter: '2s' } as const;
  const failed = await Promise.all([start(outage), start(outage), start(outage)]);
  const held = await start({ ...outage, onFailure: 'hold' });
  await Promise.allSettled(failed.map((pipeline) => pipeline.result()));
  await waitForPhase(held.workflowHandle, 'held');
  for (const { id } of failed) await waitUntilListed(`WorkflowId = '${id}' AND ExecutionStatus = 'Failed'`);
  await waitUntilListed(`WorkflowId = '${held.id}' AND BctrlPhase = 'held'`);
  gateway.setFaults([]);
  const commands = await readCommands('## The API was down last night');
  const [listFailed = '', listHeld = ''] = await runAll(shell, commands);
  for (const { id } of failed) assert.ok(listFailed.includes(id));
  assert.ok(listHeld.includes(held.id));
  assert.equal((await held.result()).counts.collected, 2);
  const made = gateway.snapshot().files.map(({ runtimeId, path }) => `${runtimeId}${path}`);
  assert.deepEqual([made.length, new Set(made).size], [8, 8]);
  for (const { id } of failed) {
    await waitUntilListed(`WorkflowId = '${id}' AND ExecutionStatus = 'Completed'`);
  }
  const rerun = commands.find((command) => command.includes('--wait'));
  assert.ok(rerun);
  await runOk(shell, rerun);
  assert.equal(gateway.snapshot().files.length, 8);
});

test('Files are missing, Remove duplicates, Retention: reports, lists and settings are printed', async (t) => {
  const { gateway, shell, work, start } = await setUp(t, { onPathExists: 'keep-both' });
  await work();
  const { id, runtime, result } = await start();
  await result();
  const [stored] = gateway.snapshot().files.filter(({ runtimePath }) => runtimePath === 'b.txt');
  const path = stored?.path ?? '';
  await runAll(shell, await readCommands('## Files are missing'), { id, runtime, path });
  assert.equal((await readFile(join(shell.folder, 'files.jsonl'), 'utf8')).match(/\n/g)?.length, 2);

  const { metadata } = (await gateway.call('GET', `/v1/files/${stored?.id}`)).body;
  const twice = { runtimePath: 'b.txt', metadata };
  const { body } = await gateway.call('POST', `/v1/runtimes/${runtime}/files/collect`, { body: twice });
  const [lines = '', ids] = await runAll(shell, await readCommands('## Remove duplicates'), { id });
  assert.equal(JSON.parse(lines).duplicateOf, stored?.id);
  assert.equal(ids, `${body.id}\n`);

  const [before, , listed = ''] = await runAll(shell, await readCommands('## Retention'), { id, runtime });
  assert.match(before ?? '', /RetentionTtl +24h/);
  assert.equal(listed.match(/\n/g)?.length, 3);
  assert.match(await runOk(shell, 'temporal operator namespace describe -n default'), /RetentionTtl +720h/);
});

test('Clean up: pipelines are abandoned, cancelled and deleted', async (t) => {
  const { shell, work, start } = await setUp(t, { faults: [refuse(403)] });
  await work();
  const held = await start({ onFailure: 'hold' });
  const waiting = await start({ waitFor: { signal: true } });
  await waitForPhase(held.workflowHandle, 'held');
  await waitUntilListed(`WorkflowId = '${held.id}' AND BctrlPhase = 'held'`);
  await waitUntilListed(`WorkflowId = '${waiting.id}' AND BctrlPhase = 'waiting'`);
  const variables = { id: held.id, runtime: waiting.runtime };
  const commands = await readCommands('## Clean up');
  const last = commands.pop();
  assert.match(last ?? '', /^temporal workflow delete /);
  await runAll(shell, commands, variables);
  await assert.rejects(held.result());
  await assert.rejects(waiting.result());
  await runOk(shell, last ?? '', variables);
  await waitFor('the pipeline to be gone', async () => {
    return await held.workflowHandle.describe().then(
      () => false,
      () => true,
    );
  });
});
