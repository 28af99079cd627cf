import { existsSync } from 'node:fs';
import { constants, copyFile } from 'node:fs/promises';
import { basename } from 'node:path/posix';
import { z } from 'zod';
import type { IndexedFile } from './file-index.js';
import type { CreateFile } from './file-writer.js';
import type { GatewayState } from './gateway-state.js';
import { parseRequest } from './parse-request.js';
import { findActiveRuntime } from './runtimes.js';
import { parseStoragePath } from './storage-path.js';
import { fileNotFound, findWorkspaceFile, toWorkspacePath } from './workspace-path.js';

const collectRequestSchema = z.object({
  runtimePath: z.string().min(1),
  destinationPath: z.string().exactOptional(),
  name: z.string().exactOptional(),
  type: z.string().exactOptional(),
  // Passed on as it came: a rebuilt object could lose a key such as __proto__.
  metadata: z.custom<Record<string, unknown>>(isJsonObject, 'must be an object').exactOptional(),
});

/** POST /v1/runtimes/{runtimeId}/files/collect */
export async function collect(
  state: GatewayState,
  createFile: CreateFile,
  runtimeId: string,
  body: unknown,
): Promise<IndexedFile> {
  const { runtimePath, destinationPath, name, type, metadata } = parseRequest(collectRequestSchema, body);
  const runtime = findActiveRuntime(state, runtimeId);
  const workspacePath = toWorkspacePath(runtimePath);
  // Below the run, the path in the workspace is unique, so files without a destination never collide.
  const path = parseStoragePath(destinationPath ?? `/runs/${runtime.runId}/${workspacePath}`);
  const source = findWorkspaceFile(runtime.root, workspacePath);
  const draft = {
    path,
    name: name ?? basename(path),
    ...(type === undefined ? {} : { type }),
    metadata: metadata ?? null,
    runtimeId,
    runId: runtime.runId,
    runtimePath,
  };
  return createFile(draft, (temporaryFile) => copy(source, temporaryFile));
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
