import { fileURLToPath } from 'node:url';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Worker } from '@temporalio/worker';
import { BctrlClient, BctrlPlugin } from 'bctrl-temporal';
import * as activities from './activities.js';

const { BCTRL_API_KEY: apiKey = '', BCTRL_BASE_URL: baseUrl } = process.env;
const bctrl = new BctrlClient({ apiKey, baseUrl });

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await NativeConnection.connect(connectionOptions);
const worker = await Worker.create({
  connection,
  namespace,
  taskQueue: 'imports',
  workflowsPath: fileURLToPath(import.meta.resolve('./workflows.js')),
  activities,
  plugins: [new BctrlPlugin({ client: bctrl })],
  // Requests in flight may end when the worker stops.
  shutdownGraceTime: '20s',
});
await worker.run();
await Promise.all([connection.close(), bctrl.close()]);
