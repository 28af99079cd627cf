import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { normalize, resolve } from 'node:path/posix';
import { ApiError } from './api-error.js';

/** Where a runtime sees its workspace. */
const MOUNT = '/workspace/';

/** The contents of files by their path, as a runtime sees them: relative to its workspace, or below `/workspace`. */
export type WorkspaceFiles = Readonly<Record<string, string | Uint8Array>>;

/** The normalized path below the workspace. Throws `runtime_file.path_invalid` if the path leaves the workspace. */
export function toWorkspacePath(runtimePath: string): string {
  const path = normalize(resolve(MOUNT, runtimePath));
  if (!path.startsWith(MOUNT) || runtimePath.includes('\0')) throw invalidPath('leads out of the workspace');
  return path.slice(MOUNT.length);
}

export function invalidPath(problem: string): ApiError {
  return new ApiError(400, 'runtime_file.path_invalid', `runtimePath ${problem}.`, { field: 'runtimePath' });
}

/** Writes files into the workspace of a runtime, which is created if there is none. */
export async function writeWorkspaceFiles(workspace: string, files: WorkspaceFiles): Promise<void> {
  await mkdir(workspace, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    const file = join(workspace, toWorkspacePath(path));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
}
