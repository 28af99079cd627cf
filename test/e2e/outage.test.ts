import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startDevServer } from '../../scripts/dev-server.js';
import { exitCodes } from '../../src/exit.js';
import { useDevServer } from '../support/dev-server.js';
import { type RunningProcess, runExecutable, startExecutable } from '../support/executable.js';
import { createTestFolder, startTestGateway } from '../support/gateway.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { devServerExecutable } from '../support/temporal.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

const temporal = useDevServer();

/** A gateway that fails all collects until `recover` is called, a worker, and a starter with its own address. */
async function setUp(t: TestContext, { workerAddress, address }: { workerAddress: string; address: string }) {
  const gateway = await startTestGateway(t, {
    faults: [{ operation: 'collect', fault: { kind: 'respond', status: 503 } }],
  });
  const { runtimeId } = gateway;
  await gateway.addFile('a.txt', 'a');
  await startWorkerProcess(t, { address: workerAddress, gatewayUrl: gateway.url, taskQueue: runtimeId });
  const env = { TEMPORAL_ADDRESS: address, BCTRL_TASK_QUEUE: runtimeId };
  return {
    runtimeId,
    recover: () => gateway.setFaults([]),
    run: (...argv: string[]) => runExecutable(t, 'starter', argv, env),
    spawn: (...argv: string[]) => startExecutable(t, 'starter', argv, env),
  };
}

async function waitForOutput({ child, stderr }: RunningProcess, pattern: RegExp): Promise<void> {
  await waitFor(`${pattern} on stderr`, () => pattern.test(stderr()) || child.exitCode !== null);
  assert.match(stderr(), pattern);
}

const AWAY = /Temporal at 127\.0\.0\.1:\d+ is not reachable \(.*\); still waiting\n/;

test('a command that waits outlasts an outage of Temporal', async (t) => {
  const proxy = await startTcpProxy(t, temporal.address);
  const { runtimeId, recover, run, spawn } = await setUp(t, { ...proxy, workerAddress: temporal.address });
  const workflowId = (await run('start', runtimeId, 'a.txt')).stdout.trim();
  const waiting = {
    watch: spawn('watch', workflowId),
    result: spawn('result', workflowId),
    start: spawn('start', runtimeId, 'a.txt', '--wait'),
    collect: spawn('collect', runtimeId, 'a.txt', '--to', '/a.txt'),
    timeout: spawn('result', workflowId, '--timeout', '15s'),
    interrupted: spawn('watch', workflowId),
  };
  const { result, timeout, interrupted, ...shown } = waiting;
  for (const command of [...Object.values(shown), interrupted]) await waitForOutput(command, /upstream/);
  await proxy.cut();
  for (const command of Object.values(waiting)) await waitForOutput(command, AWAY);

  interrupted.child.kill('SIGINT');
  assert.equal((await interrupted.ended).code, exitCodes.interrupted);
  const late = await timeout.ended;
  assert.equal(late.code, exitCodes.running);
  assert.match(late.stderr, /\nStill running\. Reattach with: bctrl-temporal watch \S+\n$/);

  recover();
  await proxy.restore();
  for (const [name, command] of Object.entries({ result, ...shown })) {
    const { code, stdout, stderr } = await command.ended;
    assert.equal(code, exitCodes.done, `${name}: ${stderr}`);
    assert.match(stdout, /^collected {2}a\.txt /, name);
    assert.equal(stderr.split(AWAY).length, 2, `${name}: ${stderr}`);
  }
});

test('a command that waits outlasts a restart of Temporal with its database', async (t) => {
  const dbFile = join(await createTestFolder(t), 'temporal.db');
  const first = await startDevServer({ executable: devServerExecutable(), dbFile });
  t.after(() => first.close());
  const { address } = first;
  const { runtimeId, recover, spawn } = await setUp(t, { address, workerAddress: address });
  const starter = spawn('start', runtimeId, 'a.txt', '--wait');
  await waitForOutput(starter, /upstream/);
  process.kill(first.pid, 'SIGKILL');
  await waitForOutput(starter, AWAY);
  recover();
  const port = Number(address.split(':')[1]);
  const second = await startDevServer({ executable: devServerExecutable(), dbFile, port });
  t.after(() => second.close());
  const { code, stdout, stderr } = await starter.ended;
  assert.equal(code, exitCodes.done, stderr);
  assert.match(stdout, /^collected {2}a\.txt .*\n1 of 1 files collected /);
});

test('a command stops waiting when Temporal comes back without the workflow', async (t) => {
  const first = await startDevServer({ executable: devServerExecutable() });
  t.after(() => first.close());
  const { address } = first;
  const { runtimeId, run, spawn } = await setUp(t, { address, workerAddress: address });
  const workflowId = (await run('start', runtimeId, 'a.txt')).stdout.trim();
  const starter = spawn('watch', workflowId);
  await waitForOutput(starter, /upstream/);
  await first.close();
  const second = await startDevServer({
    executable: devServerExecutable(),
    port: Number(address.split(':')[1]),
  });
  t.after(() => second.close());
  const { code, stderr } = await starter.ended;
  assert.equal(code, exitCodes.usage);
  assert.match(stderr, new RegExp(`bctrl-temporal: there is no workflow with the id "${workflowId}"\n$`));
});
