import { setMaxListeners } from 'node:events';
import type { Info } from '@temporalio/activity';
import type { BctrlError } from '../bctrl/bctrl-error.js';
import { type CollectedFile, isMissingFile } from '../shared/collect.js';
import { durationToMs } from '../shared/duration.js';
import { notYetRule } from '../shared/retry-table.js';
import type { Attempt } from './attempt.js';
import type { ActivityDependencies } from './call-api.js';
import { collectOnce } from './collect-once.js';
import { countFailure, toBctrlError } from './failures.js';
import type { FileInWork, Settled } from './file-in-work.js';
import { findCollectedFiles } from './find-collected-files.js';
import { beginningOf, type NewestFile } from './newest-file.js';

/**
 * So many failures of the API in a row, of whatever files, are no accident of one file: it is down. Where more requests
 * are under way at a time it takes as many, as failures may come back first.
 */
const DOWN_AFTER_FAILURES = 5;

export interface CollectDependencies extends ActivityDependencies {
  readonly newest: NewestFile;
}

export interface PassOptions {
  readonly attempt: Attempt;
  readonly runtimeId: string;
  readonly files: readonly FileInWork[];
  /** What is kept of a file that is collected. */
  readonly toSettled: (file: CollectedFile) => Settled;
}

/**
 * One pass over files of a runtime: each that is open is tried once at most. What an earlier attempt may have made is
 * looked for first, with one look for all. The pass ends early where the API asks to slow down, or is plainly down.
 */
export class CollectPass {
  readonly #dependencies: CollectDependencies;
  readonly #options: PassOptions;
  readonly #stop = new AbortController();
  readonly #lanes: Promise<void>[] = [];
  #failedInARow = 0;
  #stoppedBy: BctrlError | undefined;

  constructor(dependencies: CollectDependencies, options: PassOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
    // Every request that waits for its turn listens to it.
    setMaxListeners(0, this.#stop.signal);
  }

  /** @returns the failure that ended the pass early, if one did */
  async run(): Promise<BctrlError | undefined> {
    await this.#look();
    await this.#collect();
    if (this.#open.length > 0) this.#options.attempt.signal.throwIfAborted();
    return this.#stoppedBy;
  }

  /** Settles what earlier attempts have made. Of which it cannot be told, those are not tried. */
  async #look(): Promise<void> {
    const { runtimeId, attempt, toSettled } = this.#options;
    const uncertain = this.#open.filter(({ mayExistSince }) => mayExistSince !== undefined);
    if (uncertain.length === 0) return;
    const since = Math.min(...uncertain.map(({ mayExistSince = 0 }) => mayExistSince));
    const query = { runtimeId, createdAfter: new Date(since).toISOString() };
    const keys = new Set(uncertain.map(({ key }) => key));
    const { signal } = attempt;
    try {
      const found = await findCollectedFiles(this.#dependencies.client, query, keys, { signal });
      for (const file of uncertain) {
        const made = found.get(file.key);
        if (made === undefined) continue;
        file.settled = toSettled(made);
        file.gained = { by: 'found', sizeBytes: made.sizeBytes };
      }
    } catch (thrown) {
      if (signal.aborted) return;
      const error = toBctrlError(thrown);
      for (const file of uncertain) this.#fail(file, error);
    }
  }

  async #collect(): Promise<void> {
    const { maxRequests } = this.#dependencies.client;
    const { info, signal } = this.#options.attempt;
    // Those that have failed most come last: of the first ones, no failure is their own fault.
    const waiting = this.#open
      .filter(({ failed }) => failed === undefined)
      .sort((a, b) => failuresOf(a) - failuresOf(b))
      .reverse();
    const lanes = this.#lanes;
    const widen = (width: number) => {
      while (lanes.length < width && waiting.length > 0) lanes.push(lane());
    };
    const lane = async () => {
      for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
        if (await this.#tryOnce(file)) widen(maxRequests);
        if (signal.aborted || this.#stoppedBy !== undefined) waiting.length = 0;
      }
    };
    // After a failure the first request goes alone: if the API is still down, few are sent.
    widen(info.attempt === 1 ? maxRequests : 1);
    for (const running of lanes) await running;
  }

  /** Collects a file. Returns whether the API is there to be asked for more. */
  async #tryOnce(file: FileInWork): Promise<boolean> {
    const { client, newest } = this.#dependencies;
    const { runtimeId, attempt, toSettled } = this.#options;
    const { mayExistSince } = file;
    const startedMs = performance.now();
    file.mayExistSince ??= newest.since ?? beginningOf(attempt.info);
    try {
      const options = { signal: attempt.signal, waitingSignal: this.#stop.signal };
      const { file: made, by } = await collectOnce(client, runtimeId, file, options);
      newest.see(made);
      file.settled = toSettled(made);
      file.gained = { by, sizeBytes: made.sizeBytes };
      file.tookMs = performance.now() - startedMs;
      this.#failedInARow = 0;
      return true;
    } catch (thrown) {
      if (attempt.signal.aborted) return false;
      const isUnsent = thrown === this.#stop.signal.reason;
      const error = toBctrlError(thrown);
      if (isUnsent || !error.mayHaveHappened) file.mayExistSince = mayExistSince;
      if (isUnsent) return false;
      file.tookMs = performance.now() - startedMs;
      this.#fail(file, error);
      return this.#heed(file, error);
    }
  }

  #heed({ settled }: FileInWork, error: BctrlError): boolean {
    if (!isOfTheApi(error)) {
      this.#failedInARow = 0;
      return true;
    }
    // One that is final for its file does not say that it helps to wait.
    if (settled !== undefined) return false;
    this.#failedInARow += 1;
    const isDown = this.#failedInARow >= Math.max(DOWN_AFTER_FAILURES, this.#lanes.length);
    if (isDown || isForAll(error)) {
      this.#stoppedBy ??= error;
      this.#stop.abort();
    }
    return false;
  }

  get #open(): FileInWork[] {
    return this.#options.files.filter(({ settled }) => settled === undefined);
  }

  #fail(file: FileInWork, error: BctrlError): void {
    const { retryTable, random } = this.#dependencies;
    const { info } = this.#options.attempt;
    const rule = isNotYet(error, file, info) ? notYetRule : retryTable[error.reasonClass];
    const delayMs = countFailure(file.failures, error, rule, random);
    if (delayMs === null) file.settled = { error };
    else file.failed = { error, delayMs };
  }
}

function failuresOf({ failures }: FileInWork): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** Says more of the API than of one file. */
function isOfTheApi({ reasonClass }: BctrlError): boolean {
  return reasonClass === 'upstream' || reasonClass === 'server' || reasonClass === 'rate_limited';
}

/** Holds for all requests at once: there is nobody to ask, or the API wants to be asked less. */
function isForAll({ reasonClass, status, mayHaveHappened }: BctrlError): boolean {
  return reasonClass === 'rate_limited' || (status === undefined && !mayHaveHappened);
}

/** Both times are the Temporal server's, so that no clock of this machine decides. */
function isNotYet(error: BctrlError, { options: { appearsWithin } }: FileInWork, info: Info): boolean {
  if (appearsWithin === undefined || !isMissingFile(error)) return false;
  const elapsedMs = info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
  return elapsedMs < durationToMs(appearsWithin);
}
