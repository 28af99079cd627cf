import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { POST_RUN_PIPELINE } from '../../src/shared/names.js';
import type { PipelineReport } from '../../src/shared/pipeline-report.js';
import { useDevServer } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { startBuiltWorker } from './start-built-worker.js';

const temporal = useDevServer();

const streams: Record<string, (t: TestContext) => Promise<number | 'closed-pipe'>> = {
  'a full disk': async (t) => {
    const full = await open('/dev/full', 'w');
    t.after(() => full.close());
    return full.fd;
  },
  'a closed pipe': async () => 'closed-pipe',
};

for (const [name, openStream] of Object.entries(streams)) {
  test(`a worker whose log goes to ${name} collects files and ends with 0`, {
    // /dev/full exists on Linux only.
    skip: process.platform !== 'linux',
    timeout: 60_000,
  }, async (t) => {
    const gateway = await startTestGateway(t);
    const { runtimeId } = gateway;
    await gateway.addFile('a');
    const worker = await startBuiltWorker(t, {
      address: temporal.address,
      gatewayUrl: gateway.url,
      taskQueue: runtimeId,
      stderr: await openStream(t),
    });
    await worker.waitForHealth('/readyz', 200);
    // The missing file makes the worker log a line.
    const files = [{ runtimePath: 'missing', ifMissing: 'warn' }, { runtimePath: 'a' }];
    const report: PipelineReport = await temporal.client.workflow.execute(POST_RUN_PIPELINE, {
      taskQueue: runtimeId,
      workflowId: runtimeId,
      args: [{ runtimeId, files }],
    });
    assert.equal(report.counts.collected, 1);
    worker.child.kill('SIGTERM');
    assert.equal((await worker.ended).end, 0);
  });
}
