import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { COLLECTION_KEY_FIELD, POST_RUN_PIPELINE } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import type { Fault, FaultRule } from '../../src/testing.js';
import { type ApiMode, apiModes } from '../support/api-modes.js';
import { useDevServer } from '../support/dev-server.js';
import type { RunningProcess } from '../support/executable.js';
import { spreadFaults } from '../support/faults.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';

/** Runs with the same seed have the same faults, up to the order in which requests arrive. */
const SEED = Number(process.env['FAULTS_SEED'] ?? 1);
const FILES = 500;
const FAULTS_SHARE = 0.3;

/** The worker is killed when this many collects have arrived. */
const KILLED_AT_COLLECTS = [50, 160, 270, 380, 490];
/** The worker is killed while it waits for the responses of so many of the next requests, which are delayed for this purpose. */
const IN_FLIGHT = 3;
const DELAYED = 2 * IN_FLIGHT;
/** Long enough to see the requests in flight, and shorter than the request timeout. */
const DELAY_MS = 1_000;

/** After the last outcome nothing may be sent for this long. */
const SILENCE_MS = 2_000;

const REQUEST_TIMEOUT_MS = 2_000;
/**
 * A slow server commits after the client has given up, but before the lookup of the next attempt, a settle time of 5 s later.
 * If it committed after that, no client could prevent the second file.
 */
const SLOW_MS = REQUEST_TIMEOUT_MS + 300;

const kinds: Fault[] = [
  { kind: 'drop-response' },
  { kind: 'malformed-response' },
  { kind: 'truncated-response' },
  { kind: 'delay', delayMs: SLOW_MS },
  { kind: 'reset' },
  { kind: 'respond', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'respond', status: 500 },
  { kind: 'respond', status: 503 },
];

const faults: FaultRule[] = [
  ...KILLED_AT_COLLECTS.map((skip): FaultRule => {
    return { operation: 'collect', skip, times: DELAYED, fault: { kind: 'delay', delayMs: DELAY_MS } };
  }),
  ...spreadFaults(kinds, FAULTS_SHARE),
];

const temporal = useDevServer();

describe(`${FILES} files are there once each, through faults and killed workers`, {
  concurrency: true,
  timeout: 240_000,
}, () => {
  for (const [what, mode] of Object.entries(apiModes)) test(what, (t) => collectThroughFaults(t, mode));
});

async function collectThroughFaults(t: TestContext, { gateway: mode, env }: ApiMode): Promise<void> {
  // An API that refuses taken paths would prevent the duplicates by itself.
  const gateway = await startTestGateway(t, { ...mode, onPathExists: 'keep-both', faults, seed: SEED });
  const contents = await addFiles(gateway);
  const input = {
    runtimeId: gateway.runtimeId,
    files: [...contents.keys()].map((runtimePath) => ({ runtimePath })),
  };
  const taskQueue = gateway.runtimeId;
  const startWorker = () =>
    startWorkerProcess(t, {
      address: temporal.address,
      gatewayUrl: gateway.url,
      taskQueue,
      requestTimeout: `${REQUEST_TIMEOUT_MS}ms`,
      env,
    });

  const startedMs = performance.now();
  const first = await startWorker();
  const handle = await temporal.client.workflow.start(POST_RUN_PIPELINE, {
    taskQueue,
    workflowId: `faults/${SEED}/${mode.idStyle}`,
    args: [input],
  });
  await killRepeatedly(gateway, first, startWorker);
  const report: PipelineReport = await handle.result();
  const snapshot = gateway.snapshot();
  const elapsedMs = performance.now() - startedMs;
  await sleep(SILENCE_MS);
  const { requests } = gateway.snapshot();

  const { collect: collects = 0, 'list-files': looks = 0, whoami: starts = 0 } = requests;
  const total = collects + looks;
  const faultsCount = Object.values(snapshot.faults).reduce((sum, count) => sum + count, 0);
  const figures = [
    `seed ${SEED}`,
    `faults ${faultsCount} ${JSON.stringify({ ...snapshot.faults, ...snapshot.responses.collect })}`,
    `kills ${starts - 1}`,
    `retries ${await countRetries(handle)}`,
    `looks ${looks}`,
    `collects ${collects}`,
    `requests ${total}`,
    `${Math.round(elapsedMs / 1_000)} s`,
  ].join(', ');
  t.diagnostic(figures);

  assert.deepEqual(requests, snapshot.requests, 'nothing is sent after the end');
  assertOnce(
    snapshot.files.map((file) => String(file.runtimePath)),
    figures,
  );
  assertOnce(
    snapshot.files.map((file) => String(file.metadata?.[COLLECTION_KEY_FIELD])),
    figures,
  );
  assert.deepEqual(new Set(snapshot.files.map((file) => file.runtimePath)), new Set(contents.keys()));
  assert.deepEqual(report.counts, {
    files: FILES,
    collected: FILES,
    kept: 0,
    missing: 0,
    skipped: 0,
    failed: 0,
  });
  const idOf = new Map(snapshot.files.map((file) => [file.runtimePath, file.id]));
  for (const [index, outcome] of report.files.entries()) {
    const { runtimePath } = input.files[index] ?? {};
    assert.deepEqual([outcome.outcome, outcome.runtimePath], ['collected', runtimePath]);
    assert.equal('fileId' in outcome && outcome.fileId, idOf.get(outcome.runtimePath));
    assert.equal('duplicateIds' in outcome, false);
  }
  for (const { path, runtimePath } of snapshot.files) {
    const copy = await readFile(join(gateway.storageDir, 'files', path));
    assert.ok(copy.equals(contents.get(String(runtimePath)) as Buffer), path);
  }
  assert.ok(starts - 1 >= 5, figures);
  assert.ok(faultsCount > 0.2 * collects && faultsCount < 0.4 * collects, figures);
  assert.ok(total <= FILES * (1 + FAULTS_SHARE * 2) + looks, figures);
}

/** Paths and contents of the files in the workspace; one is empty. */
async function addFiles(gateway: TestGateway): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  for (let index = 0; index < FILES; index += 1) {
    const path = `out/${index % 10}/result ${index}.bin`;
    const content = Buffer.alloc(index * 17, `${path}\0`);
    contents.set(path, content);
    await gateway.addFile(path, content);
  }
  return contents;
}

async function killRepeatedly(
  gateway: TestGateway,
  first: RunningProcess,
  startWorker: () => Promise<RunningProcess>,
): Promise<void> {
  let worker = first;
  for (const collects of KILLED_AT_COLLECTS) {
    await waitFor(`${IN_FLIGHT} requests in flight after ${collects} collects`, () => {
      const { requests, inFlight } = gateway.snapshot();
      return (requests.collect ?? 0) >= collects && inFlight >= IN_FLIGHT;
    });
    worker.child.kill('SIGKILL');
    await worker.ended;
    worker = await startWorker();
  }
}

async function countRetries(handle: WorkflowHandle): Promise<number> {
  const { events } = await handle.fetchHistory();
  const attempts = events?.map((event) => event.activityTaskStartedEventAttributes?.attempt ?? 1) ?? [];
  return attempts.reduce((sum, attempt) => sum + attempt - 1, 0);
}

function assertOnce(names: string[], message: string): void {
  const seen = new Map<string, number>();
  for (const name of names) seen.set(name, (seen.get(name) ?? 0) + 1);
  const repeated = [...seen].filter(([, times]) => times > 1);
  assert.deepEqual(repeated, [], message);
  assert.equal(seen.size, FILES, message);
}
