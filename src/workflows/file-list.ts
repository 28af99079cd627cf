import {
  type BriefOutcome,
  idsBeside,
  type StoredFileRef,
  type VerifiedFiles,
} from '../shared/collect-outcome.js';
import { fileKey } from '../shared/file-key.js';
import { formatCount } from '../shared/format-count.js';
import { jsonByteLength } from '../shared/json-bytes.js';
import { MAX_FILES, MAX_LIST_BYTES, type PipelineFile } from '../shared/pipeline-input.js';
import type {
  FailedOutcome,
  FileOutcome,
  MissingOutcome,
  PipelineCounts,
} from '../shared/pipeline-report.js';
import { truncatePath } from '../shared/truncate-line.js';
import { type FileEntriesState, restoreEntries, saveEntries } from './continue-as-new-state.js';
import type { FileEntry, FileResult } from './file-entry.js';
import { selectReported } from './select-reported.js';

/** Enough for a person; the files themselves tell all. */
const MAX_WARNINGS = 100;

/** A file to be collected now. */
export type PendingFile = Readonly<Omit<FileEntry, 'outcome'>>;

/** A list as a run hands it to the next one. */
export interface FileListState extends FileEntriesState {
  readonly counts: PipelineCounts;
  readonly bytes: number;
  readonly duplicates: number;
  readonly warnings: readonly string[];
  readonly groupedWarnings: readonly (readonly [text: string, remark: GroupedWarning])[];
  /** Identities of files that may be there more than once. */
  readonly unverified: readonly string[];
}

/** What holds for many files is said once. */
interface GroupedWarning {
  readonly count: number;
  readonly firstPath: string;
}

/** The files of a pipeline: which are open, and what became of the others. */
export class FileList {
  /** By identity, in the order in which they came. */
  readonly #entries = new Map<string, FileEntry>();
  /** Identities of the files of earlier runs that are only counted. */
  readonly #unreportedKeys = new Set<string>();
  /** Those that nobody has taken yet. */
  #pending: FileEntry[] = [];
  readonly #counts: Record<keyof PipelineCounts, number> = {
    files: 0,
    collected: 0,
    kept: 0,
    missing: 0,
    skipped: 0,
    failed: 0,
  };
  readonly #warnings: string[] = [];
  readonly #groupedWarnings = new Map<string, GroupedWarning>();
  /** Identities of files that are there, and may be there more than once. */
  readonly #unverified = new Set<string>();
  #bytes = 0;
  #duplicates = 0;

  constructor(previousState?: FileListState) {
    if (previousState === undefined) return;
    for (const entry of restoreEntries(previousState)) this.#insert(entry);
    this.#unreportedKeys = new Set(previousState.unreportedKeys);
    this.#counts = { ...previousState.counts };
    this.#warnings = [...previousState.warnings];
    this.#bytes = previousState.bytes;
    this.#duplicates = previousState.duplicates;
    this.#groupedWarnings = new Map(previousState.groupedWarnings);
    this.#unverified = new Set(previousState.unverified);
  }

  /** Whether all of the files that are new fit in. */
  canAdd(files: readonly PipelineFile[]): boolean {
    const added = new Map(files.map((file) => [fileKey(file), file]));
    for (const identity of added.keys()) if (this.#has(identity)) added.delete(identity);
    const known = [...this.#entries.values()].map(({ file }) => file);
    const listBytes = jsonByteLength([...known, ...added.values()]);
    return this.#counts.files + added.size <= MAX_FILES && listBytes <= MAX_LIST_BYTES;
  }

  /** Adds those of the files that are new, one of the same source and destination being the same. Returns how many. */
  add(files: readonly PipelineFile[]): number {
    const before = this.#counts.files;
    for (const file of files) {
      const key = fileKey(file);
      if (this.#has(key)) continue;
      this.#counts.files += 1;
      this.#insert({ position: this.#counts.files, file, key, attempted: false });
    }
    return this.#counts.files - before;
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /** The next open files, so many at most, which are then no longer open. */
  takeNext(size: number): PendingFile[] {
    const taken = this.#pending.splice(0, size);
    const asTheyWere = taken.map(({ position, file, key, attempted }) => ({
      position,
      file,
      key,
      attempted,
    }));
    for (const entry of taken) entry.attempted = true;
    return asTheyWere;
  }

  /** The first outcome of a file counts. */
  setOutcome({ key }: PendingFile, outcome: FileResult): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.outcome === undefined) this.#setOutcome(entry, outcome);
  }

  /** Opens failed files again, all or those of the given paths. Returns how many. */
  requeueFailed(runtimePaths?: readonly string[]): number {
    const wanted = runtimePaths && new Set(runtimePaths);
    const failed = this.#failed.filter(({ file }) => wanted?.has(file.runtimePath) ?? true);
    for (const entry of failed) delete entry.outcome;
    this.#counts.failed -= failed.length;
    this.#pending.push(...failed);
    return failed.length;
  }

  /** Settles what has no outcome and will not get one any more. */
  skipRemaining(reason: string): void {
    this.#pending = [];
    for (const entry of this.#entries.values()) {
      if (entry.outcome !== undefined) continue;
      const { runtimePath } = entry.file;
      const mayBeThere = entry.attempted ? '; it may have been copied' : '';
      this.#setOutcome(entry, { outcome: 'skipped', runtimePath, reason: `${reason}${mayBeThere}` });
    }
  }

  /** Those that the report lists. */
  get outcomes(): FileOutcome[] {
    return selectReported(this.#entries.values()).map(({ outcome }) => outcome);
  }

  /** Source paths of the files that have failed. */
  get failedPaths(): Set<string> {
    return new Set(this.#failed.map(({ file }) => file.runtimePath));
  }

  /** Those that are not there and should be. */
  get uncollected(): PipelineFile[] {
    const entries = [...this.#entries.values()];
    const isUncollected = ({ outcome }: FileEntry) =>
      outcome === undefined || outcome.outcome === 'failed' || outcome.outcome === 'skipped';
    return entries.filter(isUncollected).map(({ file }) => file);
  }

  get counts(): PipelineCounts {
    return { ...this.#counts };
  }

  /** Sum of the sizes of what was collected. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many files there are beyond the first of each. */
  get duplicates(): number {
    return this.#duplicates;
  }

  get warnings(): readonly string[] {
    const groupedWarnings = [...this.#groupedWarnings].map(([text, { count, firstPath }]) => {
      const more = count === 1 ? '' : ` and ${formatCount(count - 1)} more`;
      return `${truncatePath(firstPath)}${more}: ${text}`;
    });
    return [...groupedWarnings, ...this.#warnings];
  }

  warn(warning: string): void {
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(warning);
  }

  /** Identities of the files whose outcome is in doubt: they may be there more than once, or although they failed. */
  get inDoubt(): { readonly collected: readonly string[]; readonly failed: readonly string[] } {
    const failed = [...this.#entries.values()].filter(
      ({ outcome }) => isAbsent(outcome) && outcome.unverified === true,
    );
    return { collected: [...this.#unverified], failed: failed.map(({ key }) => key) };
  }

  /** Takes over what a last lookup has found of the files in doubt; the others are what they seemed to be. */
  setVerified({ files, moreDuplicates }: VerifiedFiles): void {
    this.#duplicates += moreDuplicates;
    this.#unverified.clear();
    for (const entry of this.#entries.values()) {
      const { outcome } = entry;
      if (outcome === undefined || !('unverified' in outcome)) continue;
      const { unverified: _, ...verified } = outcome;
      entry.outcome = verified;
    }
    for (const [identity, found] of Object.entries(files)) this.#setFound(identity, found);
  }

  toState(): FileListState {
    const files = saveEntries([...this.#entries.values()], this.#unreportedKeys);
    return {
      ...files,
      counts: this.counts,
      bytes: this.#bytes,
      duplicates: this.#duplicates,
      warnings: this.#warnings,
      groupedWarnings: [...this.#groupedWarnings],
      unverified: [...this.#unverified],
    };
  }

  #setFound(identity: string, found: StoredFileRef): void {
    const entry = this.#entries.get(identity);
    const { outcome } = entry ?? {};
    if (entry && isAbsent(outcome)) {
      this.#counts[outcome.outcome] -= 1;
      this.#setOutcome(entry, { ...found, runtimePath: entry.file.runtimePath });
      return;
    }
    // A file of an earlier run of this workflow is only counted.
    const runtimePath = entry?.file.runtimePath ?? found.path ?? found.fileId;
    const isThere = outcome?.outcome === 'collected' || outcome?.outcome === 'kept';
    const known = isThere ? (outcome.duplicateIds?.length ?? 0) : 0;
    const { duplicateIds: others = [] } = found;
    const duplicateIds = isThere && 'fileId' in outcome ? idsBeside(outcome.fileId, found) : others;
    if (duplicateIds.length <= known) return;
    this.#duplicates += duplicateIds.length - known;
    if (entry && isThere) entry.outcome = { ...outcome, duplicateIds };
    this.warn(toDuplicateWarning(runtimePath, duplicateIds));
  }

  #has(identity: string): boolean {
    return this.#entries.has(identity) || this.#unreportedKeys.has(identity);
  }

  #insert(entry: FileEntry): void {
    this.#entries.set(entry.key, entry);
    if (entry.outcome === undefined) this.#pending.push(entry);
  }

  get #failed(): FileEntry[] {
    return [...this.#entries.values()].filter(({ outcome }) => outcome?.outcome === 'failed');
  }

  #setOutcome(entry: FileEntry, outcome: FileResult): void {
    entry.outcome = outcome;
    this.#counts[outcome.outcome] += 1;
    if (outcome.outcome === 'collected' || outcome.outcome === 'kept') this.#setStored(entry, outcome);
    else if (outcome.outcome === 'missing' && outcome.ifMissing === 'warn')
      this.warn(`missing: ${outcome.message}`);
  }

  #setStored({ key, file }: FileEntry, outcome: Extract<FileResult, StoredFileRef | BriefOutcome>): void {
    const { sizeBytes, duplicateIds = [], missingFields, unverified } = outcome;
    if (outcome.outcome === 'collected') {
      this.#bytes += sizeBytes ?? 0;
      if (sizeBytes === 0) this.#warnGrouped('the file is empty (0 bytes)', file.runtimePath);
    }
    if (missingFields) {
      this.#warnGrouped(`the API's response has no usable ${missingFields.join(', ')}`, file.runtimePath);
    }
    if (unverified) this.#unverified.add(key);
    this.#duplicates += duplicateIds.length;
    if (duplicateIds.length > 0) this.warn(toDuplicateWarning(file.runtimePath, duplicateIds));
  }

  #warnGrouped(text: string, path: string): void {
    const { count = 0, firstPath = path } = this.#groupedWarnings.get(text) ?? {};
    this.#groupedWarnings.set(text, { count: count + 1, firstPath });
  }
}

/** A file that is not there, or so it seems. */
function isAbsent(outcome: FileResult | undefined): outcome is FailedOutcome | MissingOutcome {
  return outcome?.outcome === 'failed' || outcome?.outcome === 'missing';
}

function toDuplicateWarning(path: string, duplicateIds: readonly string[]): string {
  return `${truncatePath(path)}: the API made it more than once; the other files are ${duplicateIds.join(', ')}`;
}
