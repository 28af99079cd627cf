import { proxyActivities } from '@temporalio/workflow';

const { noop } = proxyActivities<{ noop(runtimePath: string): Promise<void> }>({ startToCloseTimeout: '1m' });

/** What one would write by hand for many files: an activity for each, so many at a time. */
export async function noopForEach({ paths, atOnce }: { paths: string[]; atOnce: number }): Promise<number> {
  const rest = paths.values();
  const lane = async () => {
    for (const path of rest) await noop(path);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return paths.length;
}

export async function noopOnce(path: string): Promise<void> {
  await noop(path);
}
