import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Gateway } from 'bctrl-temporal/testing';
import type { TestServer } from '../support/dev-server.js';
import { type RunningProcess, startNode } from '../support/executable.js';
import { waitFor } from '../support/wait-for.js';

const examples = new URL('../../examples/', import.meta.url);

/** Where an example finds its servers. */
export interface Servers {
  readonly temporal: TestServer;
  readonly gateway: Gateway;
}

/** Starts a file of an example as its README says. It is killed after the test. */
export function startExample(
  t: TestContext,
  { temporal, gateway }: Servers,
  file: string,
  ...args: string[]
): RunningProcess {
  const script = fileURLToPath(new URL(file, examples));
  return startNode(t, ['--import', import.meta.resolve('tsx'), script, ...args], {
    TEMPORAL_ADDRESS: temporal.address,
    BCTRL_BASE_URL: gateway.url,
    BCTRL_API_KEY: gateway.apiKey,
    PORT: '0',
  });
}

/** Starts the worker of an example and waits until it polls. It is killed after the test. */
export async function startWorker(
  t: TestContext,
  servers: Servers,
  example: string,
): Promise<RunningProcess> {
  const worker = startExample(t, servers, `${example}/worker.ts`);
  const isPolling = () => /Worker state changed.*RUNNING/s.test(worker.stderr());
  await waitFor('the worker', () => isPolling() || worker.child.exitCode !== null);
  assert.ok(isPolling(), worker.stderr());
  return worker;
}

/** Runs a file of an example that ends by itself, and returns what it prints. */
export async function runExample(
  t: TestContext,
  servers: Servers,
  file: string,
  ...args: string[]
): Promise<string> {
  const { code, stdout, stderr } = await startExample(t, servers, file, ...args).ended;
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Asks a process to end, as a deploy does, and shows that it does so without an error. */
export async function endExample({ child, ended }: RunningProcess): Promise<void> {
  child.kill('SIGTERM');
  const { code, stderr } = await ended;
  assert.equal(code, 0, stderr);
}

/** The paths that the gateway stored, sorted, each with the runtime path it comes from. */
export function storedFiles({ gateway }: Pick<Servers, 'gateway'>): [from: string, to: string][] {
  const { files } = gateway.snapshot();
  return files.map(({ runtimePath, path }): [string, string] => [runtimePath ?? '', path]).sort();
}
