import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredFact } from './facts.js';

interface JournalLine {
  readonly kind: string;
  readonly file?: Omit<StoredFact, 'sha256' | 'storedMs'> & { readonly location: string };
}

/** Reads what the gateway has committed from its journal and its storage, over all its restarts. */
export async function readStoredFiles(storageDir: string): Promise<StoredFact[]> {
  const journal = await readFile(join(storageDir, 'journal.jsonl'), 'utf8');
  const lines = journal.split('\n').filter((line) => line !== '');
  const stored: StoredFact[] = [];
  for (const line of lines) {
    const { file } = JSON.parse(line) as JournalLine;
    if (file === undefined) continue;
    const { id, runtimeId, runtimePath, location } = file;
    const path = join(storageDir, 'files', location);
    const bytes = await readFile(path).catch(() => undefined);
    const storedMs = bytes && (await stat(path)).ctimeMs;
    const sha256 = bytes && createHash('sha256').update(bytes).digest('hex');
    stored.push({ id, runtimeId, runtimePath, storedMs, sha256 });
  }
  return stored;
}
