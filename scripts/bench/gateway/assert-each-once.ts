import type { CommittedFile } from './file-store.js';

/**
 * Checks the gateway's books after a pipeline: each file that was asked for is there exactly once, and each has a
 * collection key of its own.
 *
 * @throws Error saying what is wrong with the first that is not
 */
export function assertEachOnce(paths: readonly string[], committed: readonly CommittedFile[]): void {
  const missing = new Set(paths);
  const keys = new Set<string>();
  for (const { runtimePath, key } of committed) {
    if (!missing.delete(runtimePath)) {
      throw new Error(
        `${runtimePath} was collected ${paths.includes(runtimePath) ? 'twice' : 'without being asked for'}`,
      );
    }
    if (key === undefined || keys.has(key))
      throw new Error(`${runtimePath} has no collection key of its own`);
    keys.add(key);
  }
  const [first] = missing;
  if (first !== undefined) throw new Error(`${missing.size} files were not collected, the first is ${first}`);
}
