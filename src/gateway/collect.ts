import { closeSync } from 'node:fs';
import { basename } from 'node:path/posix';
import { z } from 'zod';
import { createFile, toFile } from './files.js';
import type { GatewayState } from './gateway-state.js';
import { parseRequest } from './parse-request.js';
import { findActiveRuntime } from './runtimes.js';
import { parseStoragePath } from './storage.js';
import { toWorkspacePath } from './workspace.js';
import { copyOpenFile, openWorkspaceFile } from './workspace-file.js';

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
  const path =
    destinationPath === undefined
      ? parseStoragePath(`/runs/${runId}/${workspacePath}`, 'runtimePath')
      : parseStoragePath(destinationPath, 'destinationPath');
  const draft = {
    path,
    name: name ?? basename(path),
    ...(type === undefined ? {} : { type }),
    metadata: metadata ?? null,
    runtimeId,
    runId,
    runtimePath,
  };
  const source = openWorkspaceFile(workspaceDir, workspacePath);
  try {
    return toFile(state, await createFile(state, draft, (target) => copyOpenFile(source, target)));
  } finally {
    closeSync(source);
  }
}

function isJsonObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
