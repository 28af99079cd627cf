import { readFile, writeFile } from 'node:fs/promises';
import { zipSync } from 'fflate';
import { z } from 'zod';
import { ApiError } from './api-error.js';
import type { IndexedFile } from './file-index.js';
import type { CreateFile } from './file-writer.js';
import type { GatewayState } from './gateway-state.js';
import { parseRequest } from './parse-request.js';
import { findRun } from './runtimes.js';
import { parseStoragePath } from './storage-path.js';

const exportRequestSchema = z.object({
  name: z
    .string()
    .regex(/^[^/]+\.zip$/, 'must be a file name that ends in .zip')
    .default('files.zip'),
  type: z.array(z.string()).exactOptional(),
});

interface ExportRequest {
  runId: string;
  body: unknown;
  idempotencyKey: string | undefined;
}

/** POST /v1/runs/{runId}/files/export: the run's collected files, in a zip beside them. */
export async function exportRunFiles(
  state: GatewayState,
  createFile: CreateFile,
  { runId, body, idempotencyKey }: ExportRequest,
): Promise<IndexedFile> {
  const { name, type } = parseRequest(exportRequestSchema, body);
  const { id: runtimeId } = findRun(state, runId);
  const request = JSON.stringify([runId, name, type]);
  const earlier = idempotencyKey === undefined ? undefined : state.store.findByIdempotencyKey(idempotencyKey);
  if (earlier?.request === request) return earlier.file;
  if (earlier)
    throw new ApiError(409, 'idempotency.conflict', 'The Idempotency-Key came with another request.');

  const members = state.store.files
    .ofRun(runId)
    .filter((file) => file.runtimePath !== null)
    .filter((file) => type === undefined || (file.type !== undefined && type.includes(file.type)))
    .map((file) => ({ name: file.location.slice(1), file: state.storage.pathOf(file.location) }));
  const path = parseStoragePath(`/runs/${runId}/exports/${name}`);
  return createFile(
    { path, name, metadata: null, runtimeId, runId, runtimePath: null },
    (temporaryFile) => writeZip(temporaryFile, members),
    idempotencyKey === undefined ? undefined : { key: idempotencyKey, request },
  );
}

interface Member {
  /** Its path in the archive. */
  name: string;
  file: string;
}

/** The files as they are, without compression. They are held in memory, as those of a development gateway may be. */
async function writeZip(target: string, members: readonly Member[]): Promise<void> {
  const contents = await Promise.all(
    members.map(async ({ name, file }) => [name, await readFile(file)] as const),
  );
  await writeFile(target, zipSync(Object.fromEntries(contents), { level: 0 }));
}
