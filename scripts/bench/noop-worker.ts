import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';

/** The argument of this process: a worker for `noop-workflows.ts` and an activity that does nothing. */
export interface NoopWorkerInput {
  readonly address: string;
  readonly taskQueue: string;
  /** The bundle of the workflows. */
  readonly codePath: string;
}

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
