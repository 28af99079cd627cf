import { Client, Connection, ScheduleOverlapPolicy } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { collectPrices } from './workflows.js';

const [runtimeId = ''] = process.argv.slice(2);

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const client = new Client({ connection, namespace });
await client.schedule.create<typeof collectPrices>({
  scheduleId: 'nightly-prices',
  spec: { calendars: [{ hour: 2, minute: 30 }], timezone: 'Europe/Berlin' },
  action: {
    type: 'startWorkflow',
    workflowType: 'collectPrices',
    workflowId: 'collect-prices',
    taskQueue: 'nightly',
    args: [runtimeId],
  },
  // A night whose predecessor still runs waits for it.
  policies: { overlap: ScheduleOverlapPolicy.BUFFER_ONE },
});
await connection.close();
