import { existsSync, realpathSync, statSync } from 'node:fs';
import { constants, copyFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { basename } from 'node:path/posix';
import { z } from 'zod';
import { ApiError } from './api-error.js';
import { createFile, toFile } from './files.js';
import type { GatewayState } from './gateway-state.js';
import { parseRequest } from './parse-request.js';
import { findActiveRuntime } from './runtimes.js';
import { parseStoragePath, systemErrorCode } from './storage.js';
import { invalidPath, toWorkspacePath } from './workspace.js';

const collectRequestSchema = z.object({
  runtimePath: z.string().min(1),
  destinationPath: z.string().exactOptional(),
  name: z.string().exactOptional(),
  type: z.string().exactOptional(),
  // Not rebuilt: a copy could lose a key such as __proto__.
  metadata: z.custom<Record<string, unknown>>(isJsonObject, 'must be an object').exactOptional(),
});

/** POST /v1/runtimes/{runtimeId}/files/collect */
export async function collect(state: GatewayState, runtimeId: string, body: unknown) {
  const { runtimePath, destinationPath, name, type, metadata } = parseRequest(collectRequestSchema, body);
  const { runId, workspaceDir } = findActiveRuntime(state, runtimeId);
  const workspacePath = toWorkspacePath(runtimePath);
  // The default path is unique within the run, so files without a destination never collide.
  const path = parseStoragePath(destinationPath ?? `/runs/${runId}/${workspacePath}`);
  const source = findWorkspaceFile(workspaceDir, workspacePath);
  const draft = {
    path,
    name: name ?? basename(path),
    ...(type === undefined ? {} : { type }),
    metadata: metadata ?? null,
    runtimeId,
    runId,
    runtimePath,
  };
  return toFile(state, await createFile(state, draft, (temporaryFile) => copy(source, temporaryFile)));
}

async function copy(source: string, target: string): Promise<void> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE);
  } catch (error) {
    throw existsSync(source) ? error : fileNotFound();
  }
}

function isJsonObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Resolves symbolic links and returns the real file, which must be inside the workspace.
 * Throws `runtime_file.path_invalid` or `file.not_found`.
 */
function findWorkspaceFile(workspaceDir: string, workspacePath: string): string {
  try {
    const file = realpathSync.native(join(workspaceDir, workspacePath));
    // The second check is for a runtime folder that is a symbolic link itself.
    if (!isBelow(file, workspaceDir) && !isBelow(file, realpathSync.native(workspaceDir)))
      throw invalidPath('leads out of the workspace');
    if (!statSync(file).isFile()) throw invalidPath('is not a file');
    return file;
  } catch (error) {
    switch (systemErrorCode(error)) {
      case 'ENOENT':
      case 'ENOTDIR':
        throw fileNotFound();
      case 'ELOOP':
      case 'ENAMETOOLONG':
        throw invalidPath('cannot be followed');
      default:
        throw error;
    }
  }
}

function isBelow(file: string, folder: string): boolean {
  return file.startsWith(folder + sep);
}

function fileNotFound(): ApiError {
  return new ApiError(404, 'file.not_found', 'The runtime has no such file.');
}
