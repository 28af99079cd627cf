import { z } from 'zod';
import type { Idempotency, StoredFile, StoredInvocation } from './stored.js';

/** What the journal keeps of a file. */
export type JournalFile = Omit<StoredFile, 'sequence' | 'listedAt'>;

export type JournalEntry =
  | { kind: 'file-created'; file: JournalFile; idempotency?: Idempotency }
  | { kind: 'invocation-created'; invocation: StoredInvocation }
  | { kind: 'runtime-stopped'; runtimeId: string; at: number };

/** Below `files/`, without a way out. */
const location = z.string().regex(/^\/(?!(.*\/)?\.\.(\/|$))/, 'must be a path below the storage');

/** What the gateway relies on; the rest may be anything, since every entry that it ever wrote must be read. */
const entrySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('file-created'),
    file: z.object({
      id: z.string(),
      createdAt: z.number(),
      path: z.string(),
      name: z.string(),
      type: z.string().optional(),
      contentType: z.string(),
      sizeBytes: z.number(),
      runtimeId: z.string(),
      runId: z.string(),
      runtimePath: z.string().nullable(),
      location,
      signature: z.string(),
    }),
    idempotency: z.object({ key: z.string(), request: z.string() }).optional(),
  }),
  z.object({
    kind: z.literal('invocation-created'),
    invocation: z.object({
      id: z.string(),
      runtimeId: z.string(),
      runId: z.string(),
      createdAt: z.number(),
      // JSON has null for a job that never ends.
      durationMs: z.number().nullable(),
    }),
  }),
  z.object({ kind: z.literal('runtime-stopped'), runtimeId: z.string(), at: z.number() }),
]);

/** Returns the value itself, not a copy, which could lose a key of the metadata. Throws an Error that names the field. */
export function parseJournalEntry(value: unknown): JournalEntry {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`${z.core.toDotPath(issue?.path ?? []) || 'entry'}: ${issue?.message ?? 'not valid'}`);
  }
  const entry = value as JournalEntry;
  if (entry.kind === 'invocation-created') entry.invocation.durationMs ??= Number.POSITIVE_INFINITY;
  return entry;
}
