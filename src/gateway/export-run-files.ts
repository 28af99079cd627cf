import { readFile, writeFile } from 'node:fs/promises';
import { zipSync } from 'fflate';
import { z } from 'zod';
import { ApiError } from './api-error.js';
import { createFile, toFile } from './files.js';
import type { GatewayState } from './gateway-state.js';
import { parseRequest } from './parse-request.js';
import { findRun } from './runtimes.js';
import { parseStoragePath } from './storage.js';

const exportRequestSchema = z.object({
  name: z
    .string()
    .regex(/^[^/]+\.zip$/, 'must be a file name that ends in .zip')
    .default('files.zip'),
  type: z.array(z.string()).exactOptional(),
});

/** POST /v1/runs/{runId}/files/export: stores a zip of the run's collected files. */
export async function exportRunFiles(
  state: GatewayState,
  runId: string,
  body: unknown,
  idempotencyKey: string | undefined,
) {
  const { store, storage } = state;
  const { name, type } = parseRequest(exportRequestSchema, body);
  const { id: runtimeId } = findRun(state, runId);
  const request = JSON.stringify([runId, name, type]);
  const previous = idempotencyKey === undefined ? undefined : store.findByIdempotencyKey(idempotencyKey);
  if (previous?.request === request) return toFile(state, previous.file);
  if (previous)
    throw new ApiError(409, 'idempotency.conflict', 'The Idempotency-Key came with another request.');

  const members = store
    .filesByRun(runId)
    .filter((file) => file.runtimePath !== null)
    .filter((file) => type === undefined || (file.type !== undefined && type.includes(file.type)));
  // The archive is held in memory and not compressed, which is enough for a development gateway.
  const writeZip = async (temporaryFile: string) => {
    const contents = await Promise.all(
      members.map(
        async ({ location }) => [location.slice(1), await readFile(storage.toPath(location))] as const,
      ),
    );
    await writeFile(temporaryFile, zipSync(Object.fromEntries(contents), { level: 0 }));
  };
  const path = parseStoragePath(`/runs/${runId}/exports/${name}`, 'name');
  const draft = { path, name, metadata: null, runtimeId, runId, runtimePath: null };
  const idempotency = idempotencyKey === undefined ? undefined : { key: idempotencyKey, request };
  return toFile(state, await createFile(state, draft, writeZip, idempotency));
}
