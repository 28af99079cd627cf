/** What a request asks the API for. */
export type BctrlOperation =
  | 'collect'
  | 'list-files'
  | 'wait'
  | 'get-invocation'
  | 'get-runtime'
  | 'stop-runtime'
  | 'export'
  | 'whoami';

/**
 * Learns of every request of a client, for metrics. It is called on the way of each request: it must take no time, and
 * not throw.
 */
export interface BctrlClientHooks {
  /** A request is sent: it no longer waits for its turn. */
  onRequest(operation: BctrlOperation): void;
  /** Follows on each `requestSent`. `undefined` where no whole answer came. */
  onResponse(operation: BctrlOperation, status: number | undefined): void;
  /** Rate limits have held all requests back for so long, long polls excepted. */
  onRateLimitPause(durationMs: number): void;
}
