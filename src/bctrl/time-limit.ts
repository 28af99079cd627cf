import { EventEmitter } from 'node:events';

/** What undici takes for a signal beside an AbortSignal. */
class Abort extends EventEmitter {
  reason: unknown;

  abort(reason: unknown): void {
    this.reason = reason;
    this.emit('abort');
  }
}

/**
 * Runs a request that is aborted when the caller's signal aborts, and with a `TimeoutError` when its time is over.
 * AbortSignal.timeout and AbortSignal.any would do the same at a fifth of the cost of the whole request.
 */
export async function withTimeLimit<T>(
  limitMs: number,
  caller: AbortSignal | undefined,
  run: (signal: EventEmitter) => Promise<T>,
): Promise<T> {
  caller?.throwIfAborted();
  const abort = new Abort();
  const timer = setTimeout(() => abort.abort(new DOMException('its time is over', 'TimeoutError')), limitMs);
  const follow = () => abort.abort(caller?.reason);
  caller?.addEventListener('abort', follow, { once: true });
  try {
    return await run(abort);
  } finally {
    clearTimeout(timer);
    caller?.removeEventListener('abort', follow);
  }
}
