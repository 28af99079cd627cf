import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Info } from '@temporalio/activity';
import { BctrlError } from '../bctrl/bctrl-error.js';
import type { RequestOptions } from '../bctrl/client-options.js';
import { type CollectedFile, isMissingFile } from '../shared/collect.js';
import { durationToMs } from '../shared/duration.js';
import type { FailureCounts } from '../shared/heartbeat-details.js';
import { reasonClasses } from '../shared/reason-class.js';
import { appearsWithinRule, type RetryRule } from '../shared/retry-table.js';
import { collectOrFindExisting, UnlistedConflict } from './collect-or-find-existing.js';
import type { CreatedAtWatermark } from './created-at-watermark.js';
import { recordFailure, toBctrlError } from './failures.js';
import type { FileResult, FileState } from './file-state.js';
import { findFilesByCollectionKey } from './find-files.js';
import type { Attempt } from './heartbeat.js';
import { reportLookupFailure } from './report-collects.js';
import type { ActivityDependencies } from './run-api-activity.js';

/**
 * So many failures of the API in a row, of whatever files, are no accident of one file: it is down. Where more requests
 * are in flight it takes as many, as failures may come back first.
 */
const CIRCUIT_BREAKER_THRESHOLD = 5;

export interface CollectDependencies extends ActivityDependencies {
  readonly watermark: CreatedAtWatermark;
  /** How long the listing may take to show a file that was made. */
  readonly listSettleMs: number;
}

export interface PassOptions {
  readonly attempt: Attempt;
  readonly runtimeId: string;
  readonly files: readonly FileState[];
  /** What is kept of a file that is collected. */
  readonly toResult: (file: CollectedFile) => FileResult;
  /** When the listing shows what earlier attempts have made, by `performance.now()`. */
  readonly settledAtMs: number;
  /** Failures of the lookup so far. The pass counts on. */
  readonly lookupFailures: FailureCounts;
  /** Earlier attempts had the key of another account, whose listing this one cannot read. */
  readonly isOtherAccount: () => Promise<boolean>;
}

/** Why a pass left files without trying them, and when it may be worth another. */
export interface PassFailure {
  readonly error: BctrlError;
  /** The API as a whole is down, or asks to slow down. */
  readonly isCircuitOpen: boolean;
  /** `undefined`: as the circuit breaker says. */
  readonly delayMs?: number;
}

/**
 * One pass over files of a runtime: each that is pending is tried once at most. What an earlier attempt may have made is
 * looked for before it is asked for again, with one lookup for all. A circuit breaker ends the pass early where the API asks to
 * slow down, or is plainly down.
 */
export class CollectPass {
  readonly #dependencies: CollectDependencies;
  readonly #options: PassOptions;
  /** A file that is alone has no others to hold back. */
  readonly #circuit: AbortController | undefined;
  readonly #callOptions: RequestOptions;
  #slots = 0;
  #consecutiveApiFailures = 0;
  #trippedBy: BctrlError | undefined;

  constructor(dependencies: CollectDependencies, options: PassOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
    const { attempt, files } = options;
    this.#circuit = files.length > 1 ? new AbortController() : undefined;
    // Every request that waits for its turn listens to it.
    if (this.#circuit) setMaxListeners(0, this.#circuit.signal);
    this.#callOptions = {
      signal: attempt.signal,
      queueSignal: this.#circuit?.signal,
      onTurn: attempt.isAlive,
    };
  }

  async run(): Promise<PassFailure | undefined> {
    const { attempt } = this.#options;
    const [uncertain, certain] = partition(this.#pending, ({ lookupFromMs }) => lookupFromMs !== undefined);
    await this.#collect(certain);
    const lookupFailure = uncertain.length > 0 ? await this.#lookUpThenCollect(uncertain) : undefined;
    if (this.#pending.length > 0) attempt.signal.throwIfAborted();
    return this.#trippedBy ? { error: this.#trippedBy, isCircuitOpen: true } : lookupFailure;
  }

  /** Files that may be there are asked for again only if the lookup, once the listing has settled, shows that they are not. */
  async #lookUpThenCollect(uncertain: readonly FileState[]): Promise<PassFailure | undefined> {
    const { attempt, settledAtMs, isOtherAccount } = this.#options;
    if (this.#isOver) return undefined;
    const waitMs = settledAtMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal: attempt.signal }).catch(() => undefined);
    if (this.#isOver) return undefined;
    try {
      const isListOfOthers = await isOtherAccount();
      await this.#findAlreadyCollected(uncertain);
      if (isListOfOthers) for (const file of uncertain) file.outcome ??= { error: otherAccount() };
    } catch (thrown) {
      return attempt.signal.aborted ? undefined : this.#recordLookupFailure(toBctrlError(thrown), uncertain);
    }
    await this.#collect(uncertain.filter(({ outcome }) => outcome === undefined));
    return undefined;
  }

  async #findAlreadyCollected(uncertain: readonly FileState[]): Promise<void> {
    const { runtimeId, attempt, lookupFailures } = this.#options;
    const fromMs = Math.min(...uncertain.map(({ lookupFromMs = 0 }) => lookupFromMs));
    const query = { runtimeId, ...(fromMs > 0 && { createdAfter: new Date(fromMs).toISOString() }) };
    const { signal } = attempt;
    const found = new Map<string, CollectedFile>();
    let isWhole = false;
    try {
      const keys = new Set(uncertain.map(({ key }) => key));
      await findFilesByCollectionKey(this.#dependencies, query, keys, { signal }, found);
      isWhole = true;
      for (const reasonClass of reasonClasses) delete lookupFailures[reasonClass];
    } finally {
      // What a page showed counts, although a later one that failed may have shown it twice.
      for (const file of uncertain) this.#setFound(file, found.get(file.key), isWhole);
    }
  }

  #setFound(file: FileState, found: CollectedFile | undefined, isWhole: boolean): void {
    if (found === undefined) return;
    // A second file of a request since then may be listed later than the first.
    const isInDoubt = file.unverified || !isWhole;
    file.outcome = this.#options.toResult({ ...found, ...(isInDoubt && { unverified: true }) });
    file.acquired = { via: 'found', sizeBytes: found.sizeBytes ?? 0 };
  }

  /** Counts as one failure, however many files wait for the lookup. They are not asked for meanwhile. */
  #recordLookupFailure(error: BctrlError, uncertain: readonly FileState[]): PassFailure | undefined {
    const { retryTable, random } = this.#dependencies;
    const delayMs = recordFailure(this.#options.lookupFailures, error, retryTable[error.reasonClass], random);
    if (delayMs !== null) {
      reportLookupFailure(error, delayMs);
      return { error, isCircuitOpen: false, delayMs };
    }
    for (const file of uncertain) file.outcome ??= { error };
    return undefined;
  }

  /** Collects files with as many requests at a time as the client may have in flight. */
  async #collect(files: readonly FileState[]): Promise<void> {
    const { maxRequests } = this.#dependencies.client;
    const { info } = this.#options.attempt;
    // Files with the fewest failures go first, so that an early failure points at the API, not at the file.
    const queue = [...files].sort((a, b) => countFailures(a) - countFailures(b)).reverse();
    const slots: Promise<void>[] = [];
    const startSlots = (count: number) => {
      while (slots.length < count && slots.length < files.length) slots.push(slot());
      this.#slots = slots.length;
    };
    const slot = async () => {
      for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
        if (this.#isOver) return;
        if (await this.#collectOne(file)) startSlots(maxRequests);
      }
    };
    // After a failure the first request goes alone: if the API is still down, few are sent.
    startSlots(info.attempt === 1 ? maxRequests : 1);
    for (const running of slots) await running;
  }

  /** Collects a file. Returns whether the API is there to be asked for more. */
  async #collectOne(file: FileState): Promise<boolean> {
    const { watermark } = this.#dependencies;
    const { runtimeId, attempt, toResult } = this.#options;
    const { lookupFromMs, unverified } = file;
    const startedMs = performance.now();
    if (lookupFromMs === undefined) file.lookupFromMs = watermark.lookupFromMs;
    else file.unverified = true;
    try {
      const { file: collected, via } = await collectOrFindExisting(
        this.#dependencies,
        runtimeId,
        file,
        this.#callOptions,
        watermark.observe,
      );
      file.outcome = toResult(file.unverified ? { ...collected, unverified: true } : collected);
      file.acquired = { via, sizeBytes: collected.sizeBytes ?? 0 };
      file.durationMs = performance.now() - startedMs;
      this.#consecutiveApiFailures = 0;
      return true;
    } catch (thrown) {
      if (attempt.signal.aborted) return false;
      const isUnsent = this.#circuit?.signal.aborted && thrown === this.#circuit.signal.reason;
      const error = toBctrlError(thrown);
      if (isUnsent || !error.mayHaveSucceeded) {
        file.lookupFromMs = lookupFromMs;
        file.unverified = unverified;
      }
      if (isUnsent) return false;
      // Its own file may have been made by anyone that had this key, at any time.
      if (error instanceof UnlistedConflict) file.lookupFromMs = 0;
      file.durationMs = performance.now() - startedMs;
      this.#recordFileFailure(file, error);
      return this.#updateCircuitBreaker(file, error);
    }
  }

  #recordFileFailure(file: FileState, error: BctrlError): void {
    const { random, listSettleMs } = this.#dependencies;
    const delayMs = recordFailure(file.failures, error, this.#ruleFor(file, error), random);
    if (delayMs === null) file.outcome = { error };
    // By the next attempt the listing shows what this one may have made.
    else
      file.lastFailure = {
        error,
        delayMs: file.lookupFromMs === undefined ? delayMs : Math.max(delayMs, listSettleMs),
      };
  }

  #ruleFor({ options: { appearsWithin } }: FileState, error: BctrlError): RetryRule {
    const rule = this.#dependencies.retryTable[error.reasonClass];
    if (error instanceof UnlistedConflict) return { ...rule, nonRetryableCodes: [] };
    if (appearsWithin === undefined || !isMissingFile(error)) return rule;
    return elapsedMs(this.#options.attempt.info) < durationToMs(appearsWithin) ? appearsWithinRule : rule;
  }

  #updateCircuitBreaker({ outcome }: FileState, error: BctrlError): boolean {
    if (!isApiFailure(error)) {
      this.#consecutiveApiFailures = 0;
      return true;
    }
    // One that is final for its file does not say that it helps to wait.
    if (outcome !== undefined) return false;
    this.#consecutiveApiFailures += 1;
    const isDown = this.#consecutiveApiFailures >= Math.max(CIRCUIT_BREAKER_THRESHOLD, this.#slots);
    if (isDown || tripsAtOnce(error)) {
      this.#trippedBy ??= error;
      this.#circuit?.abort();
    }
    return false;
  }

  /** Nothing more may be sent. */
  get #isOver(): boolean {
    return !this.#options.attempt.isAlive() || this.#trippedBy !== undefined;
  }

  get #pending(): FileState[] {
    return this.#options.files.filter(({ outcome }) => outcome === undefined);
  }
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

function countFailures({ failures }: FileState): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** Says more of the API than of one file. */
function isApiFailure({ reasonClass }: BctrlError): boolean {
  return reasonClass === 'upstream' || reasonClass === 'server' || reasonClass === 'rate_limited';
}

/** Holds for all requests at once: there is nobody to ask, or the API wants to be asked less. */
function tripsAtOnce({ reasonClass, status, mayHaveSucceeded }: BctrlError): boolean {
  return reasonClass === 'rate_limited' || (status === undefined && !mayHaveSucceeded);
}

/** Since the activity's first attempt. Both times are the Temporal server's, so that no clock of this machine decides. */
function elapsedMs(info: Info): number {
  return info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
}

function otherAccount(): BctrlError {
  const problem =
    'it may have been collected with the API key of another account, whose files this key does not list';
  return new BctrlError(problem, {
    reasonClass: 'conflict',
    code: 'collect.other_account',
    mayHaveSucceeded: true,
  });
}
