import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';

export interface NoopWorkerInput {
  readonly address: string;
  readonly taskQueue: string;
  readonly codePath: string;
}

/* A worker of the workflows beside this file, with an activity that does nothing. */
const { address, taskQueue, codePath } = JSON.parse(process.argv[2] ?? '{}') as NoopWorkerInput;
Runtime.install({ logger: new DefaultLogger('WARN') });
const worker = await Worker.create({
  connection: await NativeConnection.connect({ address }),
  taskQueue,
  workflowBundle: { codePath },
  activities: { noop: async () => {} },
});
process.send?.({ ready: true });
await worker.run();
process.exit();
