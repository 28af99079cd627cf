import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findPort } from '../../scripts/dev-server/find-port.js';
import { startDevServer } from '../../scripts/dev-server.js';
import { API_KEY, callApi, startTestGateway } from '../support/gateway.js';
import { devServerExecutable } from '../support/temporal.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

test('a worker is alive but not ready while Temporal is unreachable', async (t) => {
  const temporal = await startDevServer({ executable: devServerExecutable() });
  t.after(() => temporal.close());
  const gateway = await startTestGateway(t);
  const address = `127.0.0.1:${await findPort('127.0.0.1')}`;
  const worker = await startWorkerProcess(t, {
    address: temporal.address,
    gatewayUrl: gateway.url,
    taskQueue: gateway.runtimeId,
    env: { BCTRL_HEALTH_ADDRESS: address },
  });
  const health = (path: string) => callApi(`http://${address}`, 'GET', path);
  await waitFor('the worker to be ready', async () => (await health('/readyz')).status === 200);

  await temporal.close();
  const startedMs = performance.now();
  const { status, body } = await health('/readyz');
  assert.equal(status, 503);
  assert.match(body.problems.join(), /^Temporal does not respond: \S/);
  assert.ok(performance.now() - startedMs < 3_000);
  assert.equal((await health('/livez')).status, 200);
  assert.equal(worker.child.exitCode, null);
});

test('a worker starts while the API is away, and is ready once it is there', async (t) => {
  const temporal = await startDevServer({ executable: devServerExecutable() });
  t.after(() => temporal.close());
  const address = `127.0.0.1:${await findPort('127.0.0.1')}`;
  const port = await findPort('127.0.0.1');
  const worker = await startWorkerProcess(t, {
    address: temporal.address,
    gatewayUrl: `http://127.0.0.1:${port}`,
    taskQueue: 'bctrl-runtime-files',
    env: { BCTRL_HEALTH_ADDRESS: address },
  });
  const health = (path: string) => callApi(`http://${address}`, 'GET', path);
  const { status, body } = await health('/readyz');
  assert.equal(status, 503);
  assert.match(body.problems.join(), /ECONNREFUSED/);
  assert.equal((await health('/livez')).status, 200);
  assert.match(worker.stderr(), /could not verify the API key; starting anyway/);

  await startTestGateway(t, { port });
  // The result of a check holds for 30 seconds.
  await waitFor('the worker to be ready', async () => (await health('/readyz')).status === 200);
});

test('npm run worker passes SIGTERM on, and leaves no process', async (t) => {
  const temporal = await startDevServer({ executable: devServerExecutable() });
  t.after(() => temporal.close());
  const gateway = await startTestGateway(t);
  const address = `127.0.0.1:${await findPort('127.0.0.1')}`;
  const npm = spawn('npm', ['run', '--silent', 'worker'], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    env: {
      ...process.env,
      TEMPORAL_ADDRESS: temporal.address,
      BCTRL_BASE_URL: gateway.url,
      BCTRL_API_KEY: API_KEY,
      BCTRL_HEALTH_ADDRESS: address,
    },
    stdio: 'ignore',
    // Its own process group, so that the signal reaches npm alone.
    detached: true,
  });
  t.after(() => {
    // Whatever is left of the group.
    if (npm.pid !== undefined) killGroup(npm.pid);
  });
  const isReady = () => callApi(`http://${address}`, 'GET', '/readyz').then(({ status }) => status === 200);
  await waitFor('the worker to be ready', () => isReady().catch(() => false));
  npm.kill('SIGTERM');
  await waitFor('the worker to end', async () => !(await isReady().catch(() => false)));
  await waitFor('the processes to end', () => npm.pid !== undefined && !killGroup(npm.pid, 0));
});

/** Returns whether the group has a process. */
function killGroup(pid: number, signal: NodeJS.Signals | 0 = 'SIGKILL'): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
