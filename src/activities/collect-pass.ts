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

/** So many failures of the API in a row, of whatever files, are no accident of one file: it is down. */
const DOWN_AFTER_FAILURES = 5;

export interface CollectDependencies extends ActivityDependencies {
  readonly newest: NewestFile;
}

/** Why files are left to the next attempt, which is due when all of them may be tried again. */
export interface Postponed {
  readonly file: FileInWork;
  readonly error: BctrlError;
  readonly delayMs: number;
}

/**
 * One pass over files of a runtime: each that is open is tried once at most. What an earlier attempt may have made is
 * looked for first, with one look for all. The pass ends early where the API asks to slow down, or is plainly down.
 */
export class CollectPass {
  readonly #dependencies: CollectDependencies;
  readonly #attempt: Attempt;
  readonly #runtimeId: string;
  readonly #files: readonly FileInWork[];
  readonly #toSettled: (file: CollectedFile) => Settled;
  #postponed: Postponed | undefined;

  /** @param toSettled what is kept of a file that is collected */
  constructor(
    dependencies: CollectDependencies,
    attempt: Attempt,
    runtimeId: string,
    files: readonly FileInWork[],
    toSettled: (file: CollectedFile) => Settled,
  ) {
    this.#dependencies = dependencies;
    this.#attempt = attempt;
    this.#runtimeId = runtimeId;
    this.#files = files;
    this.#toSettled = toSettled;
  }

  /** `undefined`: all files are settled. */
  async run(): Promise<Postponed | undefined> {
    if (await this.#look()) await this.#collect();
    if (this.#open.length > 0) this.#attempt.signal.throwIfAborted();
    return this.#postponed;
  }

  /** Settles what earlier attempts have made. `false`: it is not known, and nothing may be made. */
  async #look(): Promise<boolean> {
    const { client } = this.#dependencies;
    const { signal } = this.#attempt;
    const since = this.#open.flatMap(({ mayExistSince }) => mayExistSince ?? []);
    if (since.length === 0) return true;
    const createdAfter = new Date(Math.min(...since)).toISOString();
    const query = { runtimeId: this.#runtimeId, createdAfter };
    const keys = new Set(this.#open.map(({ key }) => key));
    try {
      const found = await findCollectedFiles(client, query, keys, { signal });
      for (const file of this.#open) {
        const made = found.get(file.key);
        if (made) file.settled = this.#toSettled(made);
      }
      return true;
    } catch (thrown) {
      if (signal.aborted) return false;
      const error = toBctrlError(thrown);
      for (const file of this.#open) this.#fail(file, error);
      return false;
    }
  }

  async #collect(): Promise<void> {
    const { client } = this.#dependencies;
    const { info, signal } = this.#attempt;
    const waiting = this.#open.reverse();
    const lanes: Promise<void>[] = [];
    const widen = (width: number) => {
      while (lanes.length < width && waiting.length > 0) lanes.push(lane());
    };
    let failedInARow = 0;
    const lane = async () => {
      for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
        const error = await this.#tryOnce(file);
        if (signal.aborted) waiting.length = 0;
        else if (error === undefined || !isOfTheApi(error)) {
          failedInARow = 0;
          widen(client.maxRequests);
        } else if (file.settled === undefined) {
          failedInARow += 1;
          if (failedInARow >= DOWN_AFTER_FAILURES || isForAll(error)) waiting.length = 0;
        }
      }
    };
    // After a failure the first request goes alone: if the API is still down, few are sent.
    widen(info.attempt === 1 ? client.maxRequests : 1);
    for (const running of lanes) await running;
  }

  /** Collects a file, or returns why not. */
  async #tryOnce(file: FileInWork): Promise<BctrlError | undefined> {
    const { client, newest } = this.#dependencies;
    const { info, signal } = this.#attempt;
    const { mayExistSince } = file;
    file.mayExistSince ??= newest.since ?? beginningOf(info);
    try {
      const made = await collectOnce(client, this.#runtimeId, file, { signal });
      newest.see(made);
      file.settled = this.#toSettled(made);
      return undefined;
    } catch (thrown) {
      const error = toBctrlError(thrown);
      if (signal.aborted) return error;
      if (!error.mayHaveHappened) file.mayExistSince = mayExistSince;
      this.#fail(file, error);
      return error;
    }
  }

  get #open(): FileInWork[] {
    return this.#files.filter(({ settled }) => settled === undefined);
  }

  #fail(file: FileInWork, error: BctrlError): void {
    const { retryTable, random } = this.#dependencies;
    const rule = isNotYet(error, file, this.#attempt.info) ? notYetRule : retryTable[error.reasonClass];
    const delayMs = countFailure(file.failures, error, rule, random);
    file.error = error;
    if (delayMs === null) file.settled = { error };
    else if (delayMs > (this.#postponed?.delayMs ?? 0)) this.#postponed = { file, error, delayMs };
  }
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
