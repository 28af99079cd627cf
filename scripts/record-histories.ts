import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createActivities } from '../src/activities/create-activities.js';
import { BctrlClient } from '../src/bctrl/bctrl-client.js';
import { searchAttributes } from '../src/shared/search-attributes.js';
import { type Gateway, startGateway } from '../src/testing.js';
import { version } from '../src/version.js';
import { startDevServer } from './dev-server.js';
import { fetchHistories, formatHistory, type History } from './record-histories/fetch-histories.js';
import { runScenario } from './record-histories/run-scenario.js';
import { type Scenario, scenarios } from './record-histories/scenarios.js';
import { resolveDevServer } from './temporal-servers.js';

/*
 * Records the histories that test/replay replays: all of them, or those that are named. They are kept by version of the
 * package. Those of an older version stand for the pipelines that it may have left, and are never recorded again.
 */

const HISTORIES = fileURLToPath(new URL(`../test/replay/histories/${version}/`, import.meta.url));
const codePath = fileURLToPath(new URL('../dist/workflow-bundle.js', import.meta.url));
const TASK_QUEUE = 'recorded';
const DEPLOYMENT = 'recorded';

/** The events of one or two batches. */
const SHORT_HISTORY = { 'limit.historyCount.suggestContinueAsNew': '10' };

/** A worker needs less than a second for its first poll. */
const MAX_TRIES = 60;
const TRY_INTERVAL_MS = 500;

const typesOfCli = { KEYWORD: 'Keyword', INT: 'Int' } as const;

const folder = await mkdtemp(join(tmpdir(), 'record-histories-'));
try {
  await main(process.argv.slice(2));
} finally {
  await rm(folder, { recursive: true });
}
// The SDK's runtime keeps the process alive.
process.exit();

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find((name) => scenarios[name] === undefined);
  if (unknown !== undefined) throw new Error(`There is no scenario ${unknown}`);
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  await mkdir(HISTORIES, { recursive: true });
  const gateway = await startGateway({
    workspaceDir: join(folder, 'workspace'),
    storageDir: join(folder, 'storage'),
    onPathExists: 'keep-both',
  });
  const chosen = Object.entries(scenarios).filter(([name]) => names.length === 0 || names.includes(name));
  const isPlain = ({ shortHistory, versioned }: Scenario) => !shortHistory && !versioned;
  await record(
    gateway,
    chosen.filter(([, scenario]) => isPlain(scenario)),
    {},
  );
  await record(
    gateway,
    chosen.filter(([, { shortHistory }]) => shortHistory),
    { dynamicConfig: SHORT_HISTORY },
  );
  await record(
    gateway,
    chosen.filter(([, { versioned }]) => versioned),
    { isVersioned: true },
  );
  await gateway.close();
}

/** Records scenarios on a Temporal server, one after the other, as they share the faults of the gateway. */
async function record(
  gateway: Gateway,
  chosen: readonly [name: string, scenario: Scenario][],
  { dynamicConfig = {}, isVersioned = false },
): Promise<void> {
  if (chosen.length === 0) return;
  const executable = await resolveDevServer();
  const attributes = Object.values(searchAttributes).map(({ name, type }) => [name, typesOfCli[type]]);
  const server = await startDevServer({
    executable,
    dynamicConfig,
    searchAttributes: Object.fromEntries(attributes),
  });
  const bctrl = new BctrlClient({ apiKey: 'local-development-key', baseUrl: gateway.url });
  const connection = await Connection.connect({ address: server.address });
  const nativeConnection = await NativeConnection.connect({ address: server.address });
  // By default an identity names the machine.
  const client = new Client({ connection, identity: 'client' });

  const withWorker = async (buildId: string, use: () => Promise<unknown>) => {
    const worker = await Worker.create({
      connection: nativeConnection,
      identity: 'worker',
      taskQueue: TASK_QUEUE,
      workflowBundle: { codePath },
      activities: createActivities({ client: bctrl, listSettleTime: 0 }),
      ...(isVersioned && {
        workerDeploymentOptions: {
          version: { deploymentName: DEPLOYMENT, buildId },
          useWorkerVersioning: true,
          defaultVersioningBehavior: 'PINNED',
        },
      }),
    });
    await worker.runUntil(async () => {
      if (isVersioned) await makeCurrent(client, buildId);
      await use();
    });
  };
  const ended = new AbortController();
  let deployed: Promise<void> | undefined;
  const deploy = () =>
    new Promise<void>((resolve, reject) => {
      deployed = withWorker('v2', async () => {
        resolve();
        await once(ended.signal, 'abort');
      });
      deployed.catch(reject);
    });
  await withWorker('v1', async () => {
    for (const [name, scenario] of chosen) {
      const runtimeId = await createRuntime();
      const surroundings = { client, gateway, taskQueue: TASK_QUEUE, runtimeId, deploy };
      const runId = await runScenario(surroundings, name, scenario);
      const histories = await fetchHistories(executable, server.address, name, runId);
      if (scenario.versioned && histories.length === 1) console.log(`${name}: needs a newer Temporal server`);
      else await writeHistories(name, histories);
    }
    ended.abort();
    await deployed;
  });
  await Promise.all([connection.close(), nativeConnection.close(), bctrl.close()]);
  await server.close();
}

/** Creates a runtime with the files of all scenarios. */
async function createRuntime(): Promise<string> {
  const runtimeId = randomUUID();
  const workspace = join(folder, 'workspace', runtimeId);
  await mkdir(workspace, { recursive: true });
  const names = ['a', 'b', 'c', ...Array.from({ length: 24 }, (_, index) => `${index + 1}`)];
  for (const name of names) await writeFile(join(workspace, `${name}.txt`), name);
  return runtimeId;
}

async function writeHistories(name: string, histories: readonly History[]): Promise<void> {
  for (const [index, history] of histories.entries()) {
    const file = index === 0 ? `${name}.json` : `${name}.${index + 1}.json`;
    await writeFile(join(HISTORIES, file), formatHistory(history));
    console.log(`${file}: ${history.events.length} events`);
  }
}

/** Routes new workflows to a version, as soon as the server has seen it poll. */
async function makeCurrent({ workflowService }: Client, buildId: string): Promise<void> {
  const request = { namespace: 'default', deploymentName: DEPLOYMENT, buildId, identity: 'client' };
  for (let tries = 1; ; tries += 1) {
    try {
      await workflowService.setWorkerDeploymentCurrentVersion(request);
      return;
    } catch (error) {
      if (tries === MAX_TRIES) throw error;
      await sleep(TRY_INTERVAL_MS);
    }
  }
}
