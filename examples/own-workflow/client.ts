import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { collectJob } from './workflows.js';

const [runtimeId = '', invocationId = ''] = process.argv.slice(2);

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const client = new Client({ connection, namespace });
const files = await client.workflow.execute<typeof collectJob>('collectJob', {
  taskQueue: 'jobs',
  // A second start for the same job attaches to the first.
  workflowId: `collect-job/${invocationId}`,
  workflowIdConflictPolicy: 'USE_EXISTING',
  args: [{ runtimeId, invocationId }],
});
console.log(JSON.stringify(files));
await connection.close();
