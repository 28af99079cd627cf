import { CancelledFailure, type Context } from '@temporalio/activity';

/**
 * Duration of a lease, as a share of the heartbeat timeout. The SDK sends a heartbeat every 80 % of the timeout, so Temporal may
 * reassign the work a fifth of the timeout after the last renewal. The next attempt finds what is sent between then and the end
 * of the lease, because it waits for the listing to settle before its lookup.
 */
const SHARE_OF_TIMEOUT = 2 / 3;

/** All attempts of a process share one confirmation for this share of the heartbeat timeout, to save calls to Temporal. */
const SHARE_OF_CONFIRMATION = 0.1;

/**
 * The right of an attempt to create something. It is renewed while the process runs and Temporal responds. A process that was
 * frozen, whose event loop was blocked, or that has lost Temporal stops sending: another worker may have its work by then. Time
 * is measured by the monotonic clock.
 */
export class Lease {
  readonly #abort = new AbortController();
  readonly #durationMs: number;
  readonly #confirm: () => Promise<number>;
  #renewedMs = performance.now();

  /**
   * @param confirm asks Temporal, and resolves to the monotonic time at which it asked
   * @param cancellation also ends the lease, with its reason
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

  /** Aborts on cancellation, and once the lease is found to have expired. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isValid(): boolean {
    if (performance.now() - this.#renewedMs > this.#durationMs && !this.signal.aborted) {
      this.#abort.abort(new CancelledFailure('HEARTBEAT_TIMEOUT'));
    }
    return !this.signal.aborted;
  }

  /** Call it several times within the duration of the lease. */
  async renew(): Promise<void> {
    if (!this.isValid) return;
    const confirmedMs = await this.#confirm().catch(() => this.#renewedMs);
    this.#renewedMs = Math.max(this.#renewedMs, confirmedMs);
  }
}

/** Long enough that another worker may have got the work of a process that did not run. */
const FROZEN_MS = 5_000;
const FREEZE_CHECK_MS = 1_000;

/** By then, tasks that the process received while it was frozen have started. */
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

/** Asks Temporal whether it is reachable, once for all attempts of a process. */
export class TemporalConfirmation {
  #askedMs = Number.NEGATIVE_INFINITY;
  #confirmedMs: Promise<number> = Promise.reject();
  readonly #freezeWatch = new FreezeWatch();

  constructor() {
    this.#confirmedMs.catch(() => undefined);
  }

  /** Resolves to the monotonic time at which Temporal was asked. A test environment without a client always confirms. */
  confirm(context: Context): Promise<number> {
    const nowMs = performance.now();
    const validMs = (context.info.heartbeatTimeoutMs ?? 0) * SHARE_OF_CONFIRMATION;
    if (nowMs - this.#askedMs < validMs) return this.#confirmedMs;
    this.#askedMs = nowMs;
    this.#confirmedMs = callTemporal(context).then(() => nowMs);
    return this.#confirmedMs;
  }

  /** The process was frozen a moment ago. An attempt that starts now may have been reassigned in the meantime. */
  get hasJustWoken(): boolean {
    return this.#freezeWatch.hasJustWoken;
  }

  /**
   * Asks Temporal, by a heartbeat with these details, whether an attempt is still its current one.
   *
   * @throws CancelledFailure unless Temporal confirms it
   */
  async confirmAttempt(context: Context, details: unknown): Promise<void> {
    const { activity } = getTemporalClient(context) ?? {};
    const lost = () => new CancelledFailure('HEARTBEAT_TIMEOUT');
    await activity?.heartbeat(context.info.taskToken, details).catch(() => Promise.reject(lost()));
  }
}

/** `undefined` in a test environment without a client, where the SDK's getter throws. */
export function getTemporalClient(context: Context): Context['client'] | undefined {
  try {
    return context.client;
  } catch {
    return undefined;
  }
}

/** `getSystemInfo` costs no Action in Temporal Cloud. */
async function callTemporal(context: Context): Promise<void> {
  await getTemporalClient(context)?.workflowService.getSystemInfo({});
}
