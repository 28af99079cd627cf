import { proxyActivities } from '@temporalio/workflow';

const { noop } = proxyActivities<{ noop(runtimePath: string): Promise<void> }>({ startToCloseTimeout: '1m' });

/** The straightforward way to process many files: one activity for each, with `concurrency` of them at a time. */
export async function noopForEach(input: { paths: string[]; concurrency: number }): Promise<void> {
  const paths = input.paths.values();
  const slot = async () => {
    for (const path of paths) await noop(path);
  };
  await Promise.all(Array.from({ length: input.concurrency }, slot));
}

export async function noopOnce(path: string): Promise<void> {
  await noop(path);
}
