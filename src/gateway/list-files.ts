import { z } from 'zod';
import type { FileIndex, IndexedFile } from './file-index.js';
import type { GatewayState } from './gateway-state.js';
import { parseRequest } from './parse-request.js';

const MAX_LIMIT = 100;

const cursorSchema = z.base64url().transform((cursor, context) => {
  const sequence = Buffer.from(cursor, 'base64url').toString();
  if (/^\d{1,15}$/.test(sequence)) return Number(sequence);
  context.addIssue('not a cursor of this listing');
  return z.NEVER;
});

const querySchema = z.object({
  spaceId: z.string().optional(),
  source: z.enum(['upload', 'runtime']).optional(),
  path: z.string().optional(),
  prefix: z.string().optional(),
  q: z.string().optional(),
  runId: z.string().optional(),
  runtimeId: z.string().optional(),
  type: z.array(z.string()).optional(),
  createdAfter: z.iso
    .datetime({ offset: true })
    .transform((time) => Date.parse(time))
    .optional(),
  cursor: cursorSchema.optional(),
  limit: z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(1).max(MAX_LIMIT))
    .default(50),
});

type Query = z.output<typeof querySchema>;

/**
 * GET /v1/files: newest first, so that files added while a client pages never shift or repeat what it has yet to see.
 * A listing that lags leaves out the newest files.
 */
export function listFiles(
  { store: { files }, ids, listLagMs, now }: GatewayState,
  query: { single: Record<string, string>; types: string[] | undefined },
): { data: IndexedFile[]; nextCursor: string | null } {
  const parsed = parseRequest(querySchema, { ...query.single, type: query.types });
  const { limit, cursor, createdAfter } = parsed;
  const candidates = narrowestIndex(files, parsed);
  // Without a lag no clock decides: one that steps back must not hide files.
  const newestShown = listLagMs === 0 ? Number.POSITIVE_INFINITY : now() - listLagMs;
  const data: IndexedFile[] = [];
  for (let index = countBefore(candidates, cursor) - 1; index >= 0; index -= 1) {
    const file = candidates[index] as IndexedFile;
    if (createdAfter !== undefined && file.createdAt <= createdAfter) break;
    if (file.createdAt > newestShown) continue;
    if (!matches(file, parsed, ids.space)) continue;
    if (data.length === limit) return { data, nextCursor: toCursor(data.at(-1) as IndexedFile) };
    data.push(file);
  }
  return { data, nextCursor: null };
}

function narrowestIndex(files: Omit<FileIndex, 'add'>, query: Query): readonly IndexedFile[] {
  if (query.path !== undefined) return files.withPath(query.path);
  if (query.runId !== undefined) return files.ofRun(query.runId);
  if (query.runtimeId !== undefined) return files.ofRuntime(query.runtimeId);
  return files.all;
}

function matches(
  file: IndexedFile,
  { spaceId, source, path, prefix, q, runId, runtimeId, type }: Query,
  space: string,
): boolean {
  return (
    (spaceId === undefined || spaceId === space) &&
    (source === undefined || source === 'runtime') &&
    (path === undefined || path === file.path) &&
    (prefix === undefined || file.path.startsWith(prefix)) &&
    (q === undefined || `${file.path}\n${file.name}`.toLowerCase().includes(q.toLowerCase())) &&
    (runId === undefined || runId === file.runId) &&
    (runtimeId === undefined || runtimeId === file.runtimeId) &&
    (type === undefined || (file.type !== undefined && type.includes(file.type)))
  );
}

/** How many of the candidates are older than the cursor's file. */
function countBefore(candidates: readonly IndexedFile[], cursor = Number.POSITIVE_INFINITY): number {
  let low = 0;
  let high = candidates.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((candidates[middle] as IndexedFile).sequence < cursor) low = middle + 1;
    else high = middle;
  }
  return low;
}

function toCursor(file: IndexedFile): string {
  return Buffer.from(String(file.sequence)).toString('base64url');
}
