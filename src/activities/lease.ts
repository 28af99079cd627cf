import { CancelledFailure, type Context } from '@temporalio/activity';

/**
 * How long a lease holds, as a share of the heartbeat timeout. The SDK sends a heartbeat every 80 % of the timeout, so that
 * Temporal may give the work away a fifth of the timeout after the last renewal. What is sent between then and the end of the
 * lease is found by the next attempt, which waits for the listing to settle before it looks.
 */
const SHARE_OF_TIMEOUT = 2 / 3;

/** Attempts of one process ask Temporal together: an answer holds for so much of the heartbeat timeout. */
const SHARE_OF_CONFIRMATION = 0.1;

/**
 * The right of an attempt to make something, renewed as long as its process runs and Temporal answers. A process that was frozen,
 * whose event loop was blocked, or that has lost Temporal stops sending by itself: another worker may have its work by then.
 * Reckoned by the monotonic clock.
 */
export class Lease {
  readonly #abort = new AbortController();
  readonly #durationMs: number;
  readonly #confirm: () => Promise<number>;
  #renewedMs = performance.now();

  /**
   * @param confirm resolves to the monotonic time at which Temporal was asked, once it has answered
   * @param cancellation ends the lease too, with its reason
   */
  constructor(
    heartbeatTimeoutMs = Number.POSITIVE_INFINITY,
    confirm = async () => performance.now(),
    cancellation?: AbortSignal,
  ) {
    this.#durationMs = heartbeatTimeoutMs * SHARE_OF_TIMEOUT;
    this.#confirm = confirm;
    const end = () => this.#abort.abort(cancellation?.reason);
    if (cancellation?.aborted) end();
    // AbortSignal.any would take a tenth of the time of a short activity.
    else cancellation?.addEventListener('abort', end, { once: true });
  }

  /** Aborts when the lease is found to be over, and on cancellation. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isValid(): boolean {
    if (performance.now() - this.#renewedMs > this.#durationMs && !this.signal.aborted) {
      this.#abort.abort(new CancelledFailure('HEARTBEAT_TIMEOUT'));
    }
    return !this.signal.aborted;
  }

  /** To be called several times in the duration of the lease. */
  async renew(): Promise<void> {
    if (!this.isValid) return;
    const confirmedMs = await this.#confirm().catch(() => this.#renewedMs);
    this.#renewedMs = Math.max(this.#renewedMs, confirmedMs);
  }
}

/** A process that did not run for so long may have been given work meanwhile that another one has by now. */
const FROZEN_MS = 5_000;
const FREEZE_CHECK_MS = 1_000;

/** What it was given meanwhile has come to its activities so long after it went on. */
const JUST_WOKEN_MS = 10_000;

/** Notices that the process did not run for a while: it was frozen, or its event loop was blocked. */
class FreezeWatch {
  #ranMs = performance.now();
  #wokenMs = Number.NEGATIVE_INFINITY;

  constructor() {
    setInterval(() => this.#check(), FREEZE_CHECK_MS).unref();
  }

  get hasJustWoken(): boolean {
    this.#check();
    return performance.now() - this.#wokenMs < JUST_WOKEN_MS;
  }

  #check(): void {
    const nowMs = performance.now();
    if (nowMs - this.#ranMs > FROZEN_MS) this.#wokenMs = nowMs;
    this.#ranMs = nowMs;
  }
}

/** Asks Temporal whether it is there, for all attempts of a process together. */
export class TemporalConfirmation {
  #askedMs = Number.NEGATIVE_INFINITY;
  #answer: Promise<number> = Promise.reject();
  readonly #freezeWatch = new FreezeWatch();

  constructor() {
    this.#answer.catch(() => undefined);
  }

  /** In a test environment without a client there is no Temporal that could be lost. */
  of(context: Context): Promise<number> {
    const nowMs = performance.now();
    const validMs = (context.info.heartbeatTimeoutMs ?? 0) * SHARE_OF_CONFIRMATION;
    if (nowMs - this.#askedMs < validMs) return this.#answer;
    this.#askedMs = nowMs;
    this.#answer = ask(context).then(() => nowMs);
    return this.#answer;
  }

  /** The process was frozen a moment ago: an attempt that begins now may have been given to it before, and to another since. */
  get hasJustWoken(): boolean {
    return this.#freezeWatch.hasJustWoken;
  }

  /**
   * Asks Temporal whether an attempt still has its work.
   *
   * @param details of its heartbeat
   * @throws CancelledFailure where Temporal does not say so
   */
  async confirmAttempt(context: Context, details: unknown): Promise<void> {
    const { activity } = clientOf(context) ?? {};
    const lost = () => new CancelledFailure('HEARTBEAT_TIMEOUT');
    await activity?.heartbeat(context.info.taskToken, details).catch(() => Promise.reject(lost()));
  }
}

/** In a test environment there is none. */
function clientOf(context: Context): Context['client'] | undefined {
  try {
    return context.client;
  } catch {
    return undefined;
  }
}

/** A call that costs no Action in Temporal Cloud. */
async function ask(context: Context): Promise<void> {
  await clientOf(context)?.workflowService.getSystemInfo({});
}
