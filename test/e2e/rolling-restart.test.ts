import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { POST_RUN_PIPELINE } from '../../src/shared/names.js';
import type { PipelineInput } from '../../src/shared/pipeline-input.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import { useDevServer } from '../support/dev-server.js';
import type { ProcessResult } from '../support/executable.js';
import { startTestGateway } from '../support/gateway.js';
import { startWorkerProcess } from '../support/worker-process.js';

const WORKERS = 3;
const PIPELINES = 12;
const FILES = 100;

/** Each collect takes this long, so that a worker always has requests in flight. */
const COLLECT_MS = 2_000;

const RESTART_INTERVAL_MS = 5_000;

const temporal = useDevServer();

test('a rolling restart of three workers under load cuts no request off, and makes no duplicate', async (t) => {
  // An API that refuses taken paths would prevent the duplicates by itself.
  const delay = { kind: 'delay', delayMs: COLLECT_MS } as const;
  const gateway = await startTestGateway(t, {
    onPathExists: 'keep-both',
    faults: [{ operation: 'collect', fault: delay }],
  });
  const { runtimeId } = gateway;
  const paths = Array.from({ length: PIPELINES * FILES }, (_, index) => `${index}.txt`);
  await gateway.writeFiles(runtimeId, Object.fromEntries(paths.map((path) => [path, path])));
  const startWorker = () => {
    const connections = { address: temporal.address, gatewayUrl: gateway.url };
    return startWorkerProcess(t, { ...connections, taskQueue: runtimeId });
  };
  const workers = await Promise.all(Array.from({ length: WORKERS }, startWorker));

  const pipelines = await Promise.all(
    Array.from({ length: PIPELINES }, (_, pipeline) => {
      const own = paths.slice(pipeline * FILES, (pipeline + 1) * FILES);
      const input = { runtimeId, files: own.map((runtimePath) => ({ runtimePath })) };
      return temporal.client.workflow.start<(input: PipelineInput) => Promise<PipelineReport>>(
        POST_RUN_PIPELINE,
        {
          taskQueue: runtimeId,
          workflowId: `${runtimeId}/${pipeline}`,
          args: [input],
        },
      );
    }),
  );
  let areDone = false;
  const reports = Promise.all(pipelines.map((pipeline) => pipeline.result())).then((all) => {
    areDone = true;
    return all;
  });
  const stopped: Promise<ProcessResult>[] = [];
  while (!areDone) {
    // A deployment starts the new worker before it stops an old one.
    const started = startWorker();
    await Promise.race([reports, Promise.all([started, sleep(RESTART_INTERVAL_MS)])]);
    workers.push(await started);
    const oldest = workers.shift();
    oldest?.child.kill('SIGTERM');
    if (oldest) stopped.push(oldest.ended);
  }
  for (const { code } of await Promise.all(stopped)) assert.equal(code, 0);
  const restarts = stopped.length;

  const { files, requests, responses } = gateway.snapshot();
  t.diagnostic(`${restarts} restarts, ${requests.collect} collects, ${requests['list-files'] ?? 0} lookups`);
  assert.ok(restarts >= WORKERS);
  for (const report of await reports) {
    assert.deepEqual([report.counts.collected, report.duplicates, report.warnings], [FILES, undefined, []]);
  }
  assert.equal(files.length, paths.length);
  assert.equal(new Set(files.map(({ runtimePath }) => runtimePath)).size, paths.length);
  // A request that was cut off would have been followed by a lookup, or by a second request.
  assert.deepEqual([requests.collect, requests['list-files'] ?? 0], [paths.length, 0]);
  // The gateway counts a response only if its client is still there.
  assert.deepEqual(responses.collect, { '200': paths.length });
});
