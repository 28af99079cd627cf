import { z } from 'zod';
import { toFile } from './files.js';
import type { GatewayState } from './gateway-state.js';
import { parseRequest } from './parse-request.js';
import type { Store } from './store.js';
import type { StoredFile } from './stored.js';

/** The contract names no maximum; a low one makes clients page. */
const MAX_LIMIT = 100;

/** A cursor is the sequence number of the last file on the page before. */
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
  cursor: cursorSchema.default(Number.POSITIVE_INFINITY),
  limit: z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(1).max(MAX_LIMIT))
    .default(50),
});

type Query = z.output<typeof querySchema>;

/**
 * GET /v1/files, newest first: files that are added while a client pages neither shift nor repeat the later pages.
 * With a list lag the newest files are left out.
 */
export function listFiles(state: GatewayState, rawQuery: unknown) {
  const { store, ids } = state;
  const query = parseRequest(querySchema, rawQuery);
  const candidates = getSmallestIndex(store, query);
  const now = state.monotonicNow();
  const page: StoredFile[] = [];
  let nextCursor: string | null = null;
  for (let index = candidates.length - 1; index >= 0; index -= 1) {
    const file = candidates[index] as StoredFile;
    if (file.sequence >= query.cursor) continue;
    if (query.createdAfter !== undefined && file.createdAt <= query.createdAfter) break;
    if (file.listedAt > now || !matches(file, query, ids.space)) continue;
    if (page.length === query.limit) {
      nextCursor = toCursor(page.at(-1) as StoredFile);
      break;
    }
    page.push(file);
  }
  return { data: page.map((file) => toFile(state, file)), nextCursor };
}

function getSmallestIndex(store: Store, { path, runId, runtimeId }: Query): readonly StoredFile[] {
  if (path !== undefined) return store.filesByPath(path);
  if (runId !== undefined) return store.filesByRun(runId);
  if (runtimeId !== undefined) return store.filesByRuntime(runtimeId);
  return store.files;
}

function matches(file: StoredFile, query: Query, space: string): boolean {
  const { spaceId, source, path, prefix, q, runId, runtimeId, type } = query;
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

function toCursor(file: StoredFile): string {
  return Buffer.from(String(file.sequence)).toString('base64url');
}
