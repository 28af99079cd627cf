import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { BctrlClient, BctrlPlugin } from 'bctrl-temporal';

/** The argument of this process: a user's worker, which has pipelines beside workflows of its own. */
export interface SmallWorkerInput {
  readonly address: string;
  readonly taskQueue: string;
  readonly gatewayUrl: string;
  readonly apiKey: string;
}

const input = JSON.parse(process.argv[2] ?? '{}') as SmallWorkerInput;
Runtime.install({ logger: new DefaultLogger('WARN') });
const client = new BctrlClient({ apiKey: input.apiKey, baseUrl: input.gatewayUrl });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address: input.address }),
  taskQueue: input.taskQueue,
  workflowsPath: fileURLToPath(new URL('small-workflows.ts', import.meta.url)),
  plugins: [new BctrlPlugin({ client })],
});
process.send?.({ ready: true });
await worker.run();
process.exit();
