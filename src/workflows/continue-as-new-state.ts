import { fileKey } from '../shared/file-key.js';
import type { PipelineFile } from '../shared/pipeline-input.js';
import type { FailedOutcome, FileOutcome } from '../shared/pipeline-report.js';
import type { ReasonClass } from '../shared/reason-class.js';
import { truncatePath } from '../shared/truncate-line.js';
import type { FileEntry } from './file-entry.js';
import { selectReported } from './select-reported.js';

/** Files as a run hands them to the next one: in a payload of 2 MB, whatever the pipeline has been through. */
export interface FileEntriesState {
  readonly pending: readonly Pick<FileEntry, 'position' | 'file' | 'attempted'>[];
  readonly failed: readonly FailedEntryState[];
  /** The others that the report lists. */
  readonly reported: readonly (Pick<FileEntry, 'position' | 'key'> & { readonly outcome: FileOutcome })[];
  /** Identities of those that are only counted. */
  readonly unreportedKeys: readonly string[];
}

interface FailedEntryState {
  readonly position: number;
  readonly file: PipelineFile;
  readonly reasonClass: ReasonClass;
  /** It may be there all the same. */
  readonly unverified?: true;
  /** Of one that the report lists. */
  readonly outcome?: FailedOutcome;
}

export function saveEntries(
  entries: readonly FileEntry[],
  unreportedKeys: Iterable<string>,
): FileEntriesState {
  const reported = new Map(selectReported(entries).map(({ position, outcome }) => [position, outcome]));
  const pending: FileEntriesState['pending'][number][] = [];
  const failed: FailedEntryState[] = [];
  const others: FileEntriesState['reported'][number][] = [];
  const onlyCounted = [...unreportedKeys];
  for (const { position, file, key, attempted, outcome } of entries) {
    const inReport = reported.get(position);
    if (outcome === undefined) pending.push({ position, file, attempted });
    else if (outcome.outcome === 'failed') {
      const { reasonClass, unverified } = outcome;
      failed.push({
        position,
        file,
        reasonClass,
        ...(unverified && { unverified }),
        ...(inReport !== undefined && { outcome }),
      });
    } else if (inReport !== undefined) others.push({ position, key, outcome: inReport });
    else onlyCounted.push(key);
  }
  return { pending, failed, reported: others, unreportedKeys: onlyCounted };
}

/** In their order; those that are only counted have no entry. */
export function restoreEntries({ pending, failed, reported }: FileEntriesState): FileEntry[] {
  return [
    ...pending.map((entry) => ({ ...entry, key: fileKey(entry.file) })),
    ...failed.map(({ position, file, reasonClass, unverified, outcome }) => ({
      position,
      file,
      key: fileKey(file),
      attempted: true,
      outcome: outcome ?? toFailure(file, reasonClass, unverified),
    })),
    ...reported.map(({ position, key, outcome }) => {
      const { runtimePath } = outcome;
      return { position, file: { runtimePath }, key, attempted: true, outcome };
    }),
  ].sort((a, b) => a.position - b.position);
}

function toFailure(
  { runtimePath }: PipelineFile,
  reasonClass: ReasonClass,
  unverified: true | undefined,
): FailedOutcome {
  const message = `${truncatePath(runtimePath)}: ${reasonClass}, in an earlier run of this workflow`;
  return { outcome: 'failed', runtimePath, reasonClass, message, ...(unverified && { unverified }) };
}
