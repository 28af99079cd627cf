import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import { SimplePlugin } from '@temporalio/plugin';
import { NativeConnection, Worker } from '@temporalio/worker';
import { BctrlClient, BctrlPlugin } from 'bctrl-temporal';
import { startPipeline } from 'bctrl-temporal/client';
import { replayHistories, startGateway } from 'bctrl-temporal/testing';
import type { collectWithScopes } from './workflows.js';

/** Runs an own workflow and a pipeline on a worker with a second plugin, replays it, and prints what came of them. */
async function main(
  temporalCli: string,
  address: string,
  taskQueue: string,
  workflowsPath: string,
): Promise<void> {
  const gateway = await startGateway();
  const { url: baseUrl, apiKey } = gateway;
  const bctrl = new BctrlClient({ baseUrl, apiKey });
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowsPath,
    plugins: [
      new SimplePlugin({ name: 'acme.Greeter', activities: { greet: async () => 'hello' } }),
      new BctrlPlugin({ client: bctrl }),
    ],
  });
  const client = new Client({ connection: await Connection.connect({ address }) });
  const printed = await worker.runUntil(async () => {
    const runtimeId = await gateway.createRuntime({ 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c' });
    const findings = await client.workflow.execute<typeof collectWithScopes>('collectWithScopes', {
      taskQueue,
      workflowId: `own/${taskQueue}`,
      args: [runtimeId],
    });
    const pipeline = await startPipeline(
      client,
      { runtimeId, files: [{ runtimePath: 'c.txt' }] },
      { taskQueue },
    );
    const { counts } = await pipeline.result();
    const show = ['workflow', 'show', '--workflow-id', pipeline.workflowId, '--output', 'json'];
    await mkdir('histories', { recursive: true });
    const history = execFileSync(temporalCli, [...show, '--address', address], { maxBuffer: 100_000_000 });
    await writeFile('histories/pipeline.json', history);
    const { replayed } = await replayHistories({ histories: 'histories', workflowsPath });
    return { findings, counts, replayed, files: gateway.snapshot().files.length };
  });
  console.log(JSON.stringify(printed));
  await Promise.all([client.connection.close(), connection.close(), bctrl.close(), gateway.close()]);
}

const [temporalCli = '', address = '', taskQueue = '', workflowsPath = ''] = process.argv.slice(2);
main(temporalCli, address, taskQueue, workflowsPath).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
