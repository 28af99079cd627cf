import { MAXIMUM_FILES, type PipelineFile } from '../shared/pipeline-input.js';
import type { FailedOutcome, FileOutcome, PipelineCounts } from '../shared/pipeline-report.js';

/** One file of a pipeline. */
export interface ListedFile {
  readonly file: PipelineFile;
  /** Of its source and destination: two files of the same are one. */
  readonly identity: string;
  /** An earlier try has failed, and may have copied the file all the same. */
  readonly tried: boolean;
}

interface Entry extends ListedFile {
  tried: boolean;
  outcome?: FileOutcome;
}

/** The files of a pipeline: which are open, and what became of the others. */
export class FileList {
  /** By identity, in the order in which they came. */
  readonly #entries = new Map<string, Entry>();
  /** Those that nobody has taken yet. */
  #open: Entry[] = [];
  readonly #counts = { files: 0, collected: 0, kept: 0, missing: 0, skipped: 0, failed: 0 };
  #bytes = 0;

  /** Whether all of the files that are new fit in. */
  hasRoomFor(files: readonly PipelineFile[]): boolean {
    const identities = new Set([...this.#entries.keys(), ...files.map(identityOf)]);
    return identities.size <= MAXIMUM_FILES;
  }

  /** Adds those of the files that are new, one of the same source and destination being the same. Returns how many. */
  add(files: readonly PipelineFile[]): number {
    const before = this.#entries.size;
    for (const file of files) {
      const identity = identityOf(file);
      if (this.#entries.has(identity)) continue;
      const entry = { file, identity, tried: false };
      this.#entries.set(identity, entry);
      this.#open.push(entry);
    }
    this.#counts.files = this.#entries.size;
    return this.#entries.size - before;
  }

  get hasOpen(): boolean {
    return this.#open.length > 0;
  }

  /** The next open file, which is then no longer open. */
  take(): ListedFile | undefined {
    const entry = this.#open.shift();
    if (entry === undefined) return undefined;
    const { file, identity, tried } = entry;
    entry.tried = true;
    return { file, identity, tried };
  }

  settle({ identity }: ListedFile, outcome: FileOutcome): void {
    const entry = this.#entries.get(identity);
    if (entry !== undefined) this.#settle(entry, outcome);
  }

  /** Opens failed files again, all or those of the given paths. Returns how many. */
  reopen(runtimePaths?: readonly string[]): number {
    const wanted = runtimePaths && new Set(runtimePaths);
    const failed = [...this.#entries.values()].filter(
      ({ file, outcome }) => outcome?.outcome === 'failed' && (wanted?.has(file.runtimePath) ?? true),
    );
    for (const entry of failed) delete entry.outcome;
    this.#counts.failed -= failed.length;
    this.#open.push(...failed);
    return failed.length;
  }

  /** Settles what has no outcome and will not get one any more. */
  skipRest(reason: string): void {
    this.#open = [];
    for (const entry of this.#entries.values()) {
      if (entry.outcome !== undefined) continue;
      const { runtimePath } = entry.file;
      const mayBeThere = entry.tried ? '; it may have been copied' : '';
      this.#settle(entry, { outcome: 'skipped', runtimePath, reason: `${reason}${mayBeThere}` });
    }
  }

  /** Of the settled files, in the order in which they came. */
  get outcomes(): FileOutcome[] {
    return [...this.#entries.values()].flatMap(({ outcome }) => outcome ?? []);
  }

  get failures(): FailedOutcome[] {
    return this.outcomes.filter((outcome) => outcome.outcome === 'failed');
  }

  get counts(): PipelineCounts {
    return { ...this.#counts };
  }

  /** Sum of the sizes of what was collected. */
  get bytes(): number {
    return this.#bytes;
  }

  #settle(entry: Entry, outcome: FileOutcome): void {
    entry.outcome = outcome;
    this.#counts[outcome.outcome] += 1;
    if (outcome.outcome === 'collected') this.#bytes += outcome.sizeBytes;
  }
}

function identityOf({ runtimePath, destinationPath }: PipelineFile): string {
  return JSON.stringify([runtimePath, destinationPath]);
}
