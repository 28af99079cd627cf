import { jsonByteLength } from '../shared/bounded-string.js';
import {
  getDuplicateIds,
  type StoredFileRef,
  type StoredOutcome,
  type VerifiedFiles,
} from '../shared/collect-outcome.js';
import { truncatePath } from '../shared/display-text.js';
import type { ApiProblem } from '../shared/failure-details.js';
import { fileKey } from '../shared/keys.js';
import { MAX_FILES, MAX_LIST_BYTES, type PipelineFile } from '../shared/pipeline-input.js';
import type { ResumeInput } from '../shared/pipeline-messages.js';
import type {
  FailedOutcome,
  FileOutcome,
  MissingOutcome,
  PipelineCounts,
} from '../shared/pipeline-report.js';
import { type FileListState, restoreEntries, saveEntries } from './continue-as-new-state.js';
import { type FileEntry, type FileResult, type PendingFile, selectReported } from './file-entry.js';
import { Warnings } from './warnings.js';

const noFiles: PipelineCounts = { files: 0, collected: 0, kept: 0, missing: 0, skipped: 0, failed: 0 };

/** The files of a pipeline and their outcomes. */
export class FileList {
  /** By file key, in the order in which the files came. */
  readonly #entries = new Map<string, FileEntry>();
  /** Keys of files of earlier runs that are only counted. */
  readonly #unreportedKeys: Set<string>;
  /** Files that no activity has taken yet. */
  #pending: FileEntry[] = [];
  readonly #counts: Record<keyof PipelineCounts, number>;
  /** Keys of collected files that may have duplicates. */
  readonly #unverified: Set<string>;
  readonly warnings: Warnings;
  #bytes: number;
  #duplicates: number;

  constructor(previous?: FileListState) {
    this.#unreportedKeys = new Set(previous?.entries.unreportedKeys);
    this.#counts = { ...(previous?.counts ?? noFiles) };
    this.#unverified = new Set(previous?.unverified);
    this.warnings = new Warnings(previous?.warnings);
    this.#bytes = previous?.bytes ?? 0;
    this.#duplicates = previous?.duplicates ?? 0;
    if (previous) for (const entry of restoreEntries(previous.entries)) this.#insert(entry);
    for (const key of this.#unverified) if (!this.#entries.has(key)) this.#unreportedKeys.add(key);
  }

  /** Whether the pipeline stays within its limits if these files are added. Files that it has already do not count. */
  canAdd(files: readonly PipelineFile[]): boolean {
    const added = new Map(files.map((file) => [fileKey(file), file]));
    for (const key of added.keys()) if (this.#has(key)) added.delete(key);
    const known = [...this.#entries.values()].map(({ file }) => file);
    const listBytes = jsonByteLength([...known, ...added.values()]);
    return this.#counts.files + added.size <= MAX_FILES && listBytes <= MAX_LIST_BYTES;
  }

  /** Adds the files whose source and destination are new. Returns their number. */
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

  /** Takes up to `size` pending files, for an activity to collect. */
  takeNext(size: number): PendingFile[] {
    return this.#pending.splice(0, size).map((entry) => {
      const { position, file, key, attempted } = entry;
      entry.attempted = true;
      return { position, file, key, attempted };
    });
  }

  /** Sets the outcome of a file that has none: the first one counts. */
  setOutcome({ key }: PendingFile, outcome: FileResult): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.outcome === undefined) this.#setOutcome(entry, outcome);
  }

  /** Makes failed files pending again: all of them, or those with the given paths. Returns their number. */
  requeueFailed({ runtimePaths, ifExists }: ResumeInput): number {
    const wanted = runtimePaths && new Set(runtimePaths);
    const failed = untriedFirst(this.#failed.filter(({ file }) => wanted?.has(file.runtimePath) ?? true));
    for (const entry of failed) {
      delete entry.outcome;
      if (ifExists !== undefined) entry.file = { ...entry.file, ifExists };
    }
    this.#counts.failed -= failed.length;
    this.#pending.push(...failed);
    return failed.length;
  }

  /** Gives the files that no activity has taken the outcome `failed`, because they would meet the same problem as others. */
  failPending({ message, ...problem }: ApiProblem): void {
    const pending = this.#pending;
    this.#pending = [];
    for (const entry of pending) {
      const { runtimePath } = entry.file;
      const ownMessage = `${truncatePath(runtimePath)}: ${message}`;
      const outcome = {
        outcome: 'failed',
        runtimePath,
        ...problem,
        message: ownMessage,
        untried: true,
      } as const;
      this.#setOutcome(entry, outcome);
    }
  }

  /** Gives every file without an outcome the outcome `skipped`. */
  skipRemaining(reason: string): void {
    this.#pending = [];
    for (const entry of this.#entries.values()) {
      if (entry.outcome !== undefined) continue;
      const { runtimePath } = entry.file;
      const uncertainty = entry.attempted ? '; it may have been copied' : '';
      this.#setOutcome(entry, { outcome: 'skipped', runtimePath, reason: `${reason}${uncertainty}` });
    }
  }

  /** Outcomes of the files that the report lists. */
  get outcomes(): FileOutcome[] {
    return selectReported(this.#entries.values()).map(({ outcome }) => outcome);
  }

  /** Source paths of the failed files. */
  get failedPaths(): Set<string> {
    return new Set(this.#failed.map(({ file }) => file.runtimePath));
  }

  /** The pending, failed and skipped files. */
  get uncollected(): PipelineFile[] {
    const isUncollected = ({ outcome }: FileEntry) =>
      outcome === undefined || outcome.outcome === 'failed' || outcome.outcome === 'skipped';
    return untriedFirst([...this.#entries.values()].filter(isUncollected)).map(({ file }) => file);
  }

  get counts(): PipelineCounts {
    return { ...this.#counts };
  }

  /** Total size of the collected files. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Files that exist beyond the first of each key. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** Keys of the files that had a request with an unclear outcome. They may have duplicates, or exist although they failed. */
  get unverified(): { readonly collected: readonly string[]; readonly failed: readonly string[] } {
    const failed = [...this.#entries.values()].filter(
      ({ outcome }) => isAbsent(outcome) && outcome.unverified === true,
    );
    return { collected: [...this.#unverified], failed: failed.map(({ key }) => key) };
  }

  /** Applies the results of the last lookup. Files that it did not find keep their outcome, and are no longer unverified. */
  setVerified({ files, moreDuplicates }: VerifiedFiles): void {
    this.#duplicates += moreDuplicates;
    this.#unverified.clear();
    for (const entry of this.#entries.values()) {
      const { outcome } = entry;
      if (outcome === undefined || !('unverified' in outcome)) continue;
      const { unverified: _, ...verified } = outcome;
      entry.outcome = verified;
    }
    for (const [key, found] of Object.entries(files)) this.#setFound(key, found);
  }

  toState(): FileListState {
    return {
      entries: saveEntries([...this.#entries.values()], this.#unreportedKeys, this.#unverified),
      counts: this.counts,
      bytes: this.#bytes,
      duplicates: this.#duplicates,
      warnings: this.warnings.toState(),
      unverified: [...this.#unverified],
    };
  }

  #setFound(key: string, found: StoredFileRef): void {
    const entry = this.#entries.get(key);
    const { outcome } = entry ?? {};
    if (entry && isAbsent(outcome)) {
      this.#counts[outcome.outcome] -= 1;
      this.#setOutcome(entry, { ...found, runtimePath: entry.file.runtimePath });
      return;
    }
    // A file of an earlier run that is only counted has no entry.
    const runtimePath = entry?.file.runtimePath ?? found.path ?? found.fileId;
    const stored = isStored(outcome) ? outcome : undefined;
    const known = stored?.duplicateIds?.length ?? 0;
    const duplicateIds =
      stored?.fileId === undefined ? (found.duplicateIds ?? []) : getDuplicateIds(stored.fileId, found);
    if (duplicateIds.length <= known) return;
    this.#duplicates += duplicateIds.length - known;
    if (entry && stored) entry.outcome = { ...stored, duplicateIds };
    this.warnings.addDuplicates(runtimePath, duplicateIds);
  }

  #has(key: string): boolean {
    return this.#entries.has(key) || this.#unreportedKeys.has(key);
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
    if (isStored(outcome)) this.#addStored(entry, outcome);
    else if (outcome.outcome === 'missing' && outcome.ifMissing === 'warn') {
      this.warnings.add(`missing: ${outcome.message}`);
    }
  }

  #addStored({ key, file: { runtimePath } }: FileEntry, outcome: StoredOutcome): void {
    const { sizeBytes, duplicateIds = [], missingFields, unverified } = outcome;
    if (outcome.outcome === 'collected') {
      this.#bytes += sizeBytes ?? 0;
      if (sizeBytes === 0) this.warnings.addForFile('the file is empty (0 bytes)', runtimePath);
    }
    if (missingFields) {
      const text = `the API's response has no usable ${missingFields.join(', ')}`;
      this.warnings.addForFile(text, runtimePath);
    }
    if (unverified) this.#unverified.add(key);
    this.#duplicates += duplicateIds.length;
    if (duplicateIds.length > 0) this.warnings.addDuplicates(runtimePath, duplicateIds);
  }
}

/** If some files are refused each time, the others are collected all the same when they are tried again. */
function untriedFirst(entries: FileEntry[]): FileEntry[] {
  const isUntried = ({ outcome }: FileEntry) => outcome?.outcome === 'failed' && outcome.untried === true;
  return entries.sort((a, b) => Number(isUntried(b)) - Number(isUntried(a)));
}

function isStored(outcome: FileResult | undefined): outcome is Extract<FileResult, StoredOutcome> {
  return outcome?.outcome === 'collected' || outcome?.outcome === 'kept';
}

/** Whether the file is not in durable storage, or seems not to be. */
function isAbsent(outcome: FileResult | undefined): outcome is FailedOutcome | MissingOutcome {
  return outcome?.outcome === 'failed' || outcome?.outcome === 'missing';
}
