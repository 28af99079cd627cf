import { setTimeout as sleep } from 'node:timers/promises';
import { BctrlError } from '../bctrl/bctrl-error.js';
import type { RequestOptions } from '../bctrl/client-options.js';
import { isMissingFile } from '../shared/collect.js';
import { durationToMs } from '../shared/duration.js';
import {
  appearsWithinRule,
  isNeverRetried,
  nextRetryDelayMs,
  type RetryRule,
} from '../shared/retry-table.js';
import type { Attempt } from './attempt.js';
import { CircuitBreaker, isApiFailure, isRefusalOfAll, MAX_REFUSALS } from './circuit-breaker.js';
import { collectOrFindExisting, UnlistedConflict } from './collect-or-find-existing.js';
import {
  type CollectState,
  type FileState,
  isPending,
  isStored,
  isUncertain,
  type RetriedFailure,
} from './collect-state.js';
import type { ActivityDependencies } from './dependencies.js';
import { recordFailure, toBctrlError } from './failures.js';
import { lookUpFiles } from './look-up-files.js';

/** A refusal comes sooner. Without an answer by then, the first files are large, and the others need not wait for them. */
const FEW_IN_FLIGHT_MS = 5_000;

/**
 * One pass over the pending files of a runtime, in which each is tried at most once. Files that an earlier attempt may have
 * created are looked up first, all with one lookup. A circuit breaker ends the pass early. If it opened because the key or the
 * runtime is refused, the untried files fail with the same failure.
 */
export class CollectPass {
  readonly #dependencies: ActivityDependencies;
  readonly #attempt: Attempt;
  readonly #state: CollectState;
  readonly #breaker: CircuitBreaker;
  /** Each ends the pass: requests in flight go on, and no other is sent. */
  readonly #queueSignals: readonly AbortSignal[];
  readonly #requestOptions: RequestOptions;

  constructor(dependencies: ActivityDependencies, attempt: Attempt, state: CollectState) {
    this.#dependencies = dependencies;
    this.#attempt = attempt;
    this.#state = state;
    this.#breaker = new CircuitBreaker(() => state.files.some(isStored));
    this.#queueSignals = [this.#breaker.signal, dependencies.shutdown.signal];
    this.#requestOptions = { signal: attempt.signal, queueSignals: this.#queueSignals };
  }

  /** Returns the failure that left files untried, if there was one. */
  async run(): Promise<RetriedFailure | undefined> {
    const { files } = this.#state;
    const pending = files.filter(isPending);
    const uncertain = pending.filter(({ lookupFromMs }) => lookupFromMs !== undefined);
    await this.#collectAll(pending.filter(({ lookupFromMs }) => lookupFromMs === undefined));
    const lookupFailure = uncertain.length > 0 ? await this.#lookUpThenCollect(uncertain) : undefined;
    if (files.some(isPending)) this.#attempt.signal.throwIfAborted();
    const { trippedBy, isFinal } = this.#breaker;
    const isDown = trippedBy !== undefined && !isFinal;
    this.#state.consecutiveTrips = isDown ? this.#state.consecutiveTrips + 1 : 0;
    if (isDown) return { error: trippedBy, delayMs: this.#toOutageDelayMs(trippedBy) };
    if (this.#isStopping)
      return lookupFailure ?? { error: toShutdownError(), delayMs: this.#toUnsettledMs() };
    if (trippedBy !== undefined) this.#failUntried(trippedBy);
    return lookupFailure;
  }

  /** Sends a request for an uncertain file only after a lookup, in a settled listing, did not find it. */
  async #lookUpThenCollect(uncertain: readonly FileState[]): Promise<RetriedFailure | undefined> {
    // A runtime that is gone takes no files, and the listing still has those that were collected.
    const mayLookUp = () => this.#maySend || (this.#breaker.isFinal && !this.#isStopping);
    if (!mayLookUp()) return undefined;
    const waitMs = this.#state.listSettledAtMs - performance.now();
    const { signal } = this.#attempt;
    const wakeUp = AbortSignal.any([signal, this.#dependencies.shutdown.signal]);
    if (waitMs > 0) await sleep(waitMs, undefined, { signal: wakeUp }).catch(() => undefined);
    if (!mayLookUp()) return undefined;
    const failure = await lookUpFiles(this.#dependencies, this.#state, uncertain, signal);
    if (failure === undefined) await this.#collectAll(uncertain.filter(isPending));
    return failure;
  }

  /**
   * Collects files with a pool of slots, one for each request that the client may have in flight. Few of them run until the API
   * has accepted a file: in a later attempt a single one, as the API may still be down.
   */
  async #collectAll(files: readonly FileState[]): Promise<void> {
    // Files with the fewest failures go first, so that an early failure points at the API, not at the file.
    const queue = files.toSorted((a, b) => countFailures(a) - countFailures(b)).reverse();
    const takeNext = () => (this.#maySend ? queue.pop() : undefined);
    const maxSlots = Math.min(this.#dependencies.client.maxRequests, files.length);
    const slots: Promise<void>[] = [];
    const runSlot = async () => {
      for (let file = takeNext(); file; file = takeNext()) {
        if (await this.#collectOne(file, slots.length)) startSlots(maxSlots);
      }
    };
    const startSlots = (count: number) => {
      while (slots.length < count) {
        const slot = runSlot();
        // All of them are awaited below, one after the other: until then a rejection would count as unhandled.
        slot.catch(() => undefined);
        slots.push(slot);
      }
    };
    const isFirstAttempt = this.#attempt.info.attempt === 1;
    startSlots(Math.min(isFirstAttempt ? MAX_REFUSALS : 1, maxSlots));
    const timer = isFirstAttempt ? setTimeout(() => startSlots(maxSlots), FEW_IN_FLIGHT_MS) : undefined;
    try {
      // A slot that runs may start others, which are waited for too.
      for (const slot of slots) await slot;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Collects one file. Returns whether the API accepted the key and the runtime, if only to refuse this file. */
  async #collectOne(file: FileState, inFlight: number): Promise<boolean> {
    const { runtimeId } = this.#state;
    const { lookupFromMs, unverified } = file;
    const startedMs = performance.now();
    let sentMs = startedMs;
    const onTurn = () => {
      sentMs = performance.now();
      this.#attempt.isAlive();
    };
    // Until the API refuses it, the request may create the file.
    if (lookupFromMs === undefined) file.lookupFromMs = this.#dependencies.watermark.lookupFromMs;
    else file.unverified = true;
    try {
      const acquired = await collectOrFindExisting(this.#dependencies, runtimeId, file, {
        ...this.#requestOptions,
        onTurn,
      });
      const collected = acquired.file;
      file.outcome = file.unverified ? { ...acquired, file: { ...collected, unverified: true } } : acquired;
      file.durationMs = performance.now() - startedMs;
      this.#breaker.recordResponse(sentMs);
      return true;
    } catch (thrown) {
      if (this.#attempt.signal.aborted) return false;
      const isUnsent = this.#queueSignals.some(({ aborted, reason }) => aborted && thrown === reason);
      const error = toBctrlError(thrown);
      if (isUnsent || !error.mayHaveSucceeded) {
        file.lookupFromMs = lookupFromMs;
        file.unverified = unverified;
      }
      if (isUnsent) return false;
      // Any earlier request with this key may have created the file.
      if (error instanceof UnlistedConflict) file.lookupFromMs = 0;
      file.durationMs = performance.now() - startedMs;
      this.#recordFileFailure(file, error);
      if (isApiFailure(error)) {
        // A failure that is final for its file does not show that waiting would help.
        if (isPending(file)) this.#breaker.recordApiFailure(error, inFlight);
        return false;
      }
      if (isRefusalOfAll(error) && isNeverRetried(this.#dependencies.retryTable, error)) {
        this.#breaker.recordRefusal(error);
        return false;
      }
      this.#breaker.recordResponse(sentMs);
      return true;
    }
  }

  #failUntried({ message, reasonClass, code, status, hint }: BctrlError): void {
    const untried = `not tried, because other files were refused: ${message}`;
    const error = new BctrlError(untried, { reasonClass, code, status, hint, mayHaveSucceeded: false });
    for (const file of this.#state.files) {
      if (isPending(file) && file.lastFailure === undefined) file.outcome = { error, untried: true };
    }
  }

  #recordFileFailure(file: FileState, error: BctrlError): void {
    const { random, listSettling } = this.#dependencies;
    const delayMs = recordFailure(file.failures, error, this.#getRule(file, error), random);
    if (delayMs === null) {
      file.outcome = { error };
      return;
    }
    // By the next attempt, the listing must show what this one may have created.
    const settleMs = file.lookupFromMs === undefined ? 0 : listSettling.durationMs;
    file.lastFailure = { error, delayMs: Math.max(delayMs, settleMs) };
  }

  #getRule({ options: { appearsWithin } }: FileState, error: BctrlError): RetryRule {
    const { info } = this.#attempt;
    const rule = this.#dependencies.retryTable[error.reasonClass];
    if (error instanceof UnlistedConflict) return { ...rule, nonRetryableCodes: [] };
    if (appearsWithin === undefined || !isMissingFile(error)) return rule;
    // Both times are the Temporal server's, so that no clock of this machine decides.
    const elapsedMs = info.currentAttemptScheduledTimestampMs - info.scheduledTimestampMs;
    return elapsedMs < durationToMs(appearsWithin) ? appearsWithinRule : rule;
  }

  /** The next attempt looks up at once what this one has not looked up: its delay has to include what is left of the wait. */
  #toUnsettledMs(): number {
    const leftMs = this.#state.listSettledAtMs - performance.now();
    return this.#state.files.some(isUncertain) ? Math.max(leftMs, 0) : 0;
  }

  /** Grows with each consecutive attempt whose breaker opened, whichever files it tried. */
  #toOutageDelayMs(error: BctrlError): number {
    const { retryTable, random } = this.#dependencies;
    const rule = { ...retryTable[error.reasonClass], maximumFailures: null, nonRetryableCodes: [] };
    return nextRetryDelayMs(rule, { ...error, failures: this.#state.consecutiveTrips }, random) ?? 0;
  }

  get #isStopping(): boolean {
    return this.#dependencies.shutdown.signal.aborted;
  }

  get #maySend(): boolean {
    return this.#attempt.isAlive() && !this.#queueSignals.some(({ aborted }) => aborted);
  }
}

/** The next attempt, on another worker, tries the files that are left. */
function toShutdownError(): BctrlError {
  return new BctrlError('the worker is shutting down', { reasonClass: 'upstream', mayHaveSucceeded: false });
}

function countFailures({ failures }: FileState): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}
