import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { startPipeline } from 'bctrl-temporal/client';
import type { importFiles } from './workflows.js';

const [runtimeId = '', ...runtimePaths] = process.argv.slice(2);

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const client = new Client({ connection, namespace });
const pipeline = await startPipeline(
  client,
  {
    runtimeId,
    files: runtimePaths.map((runtimePath) => ({ runtimePath })),
    // A worker of another team can run it: name its task queue.
    next: { workflowType: 'importFiles', taskQueue: 'imports' },
  },
  { taskQueue: 'imports' },
);
const { counts, next } = await pipeline.result();
console.log(`${counts.collected} files collected`);
if (next?.outcome === 'started') {
  const imported = await client.workflow.getHandle<typeof importFiles>(next.workflowId).result();
  console.log(`${imported} files imported`);
}
await connection.close();
