/** An endpoint of the API, as metrics name it. */
export type BctrlOperation =
  | 'collect'
  | 'list-files'
  | 'wait'
  | 'get-invocation'
  | 'get-runtime'
  | 'stop-runtime'
  | 'export'
  | 'whoami';

/** Observes every request of a client, for metrics. Hooks run in the path of each request, so they must be quick. */
export interface BctrlClientHooks {
  /** A request is being sent: it no longer waits for its turn. */
  onRequest(operation: BctrlOperation): void;
  /** Follows each `onRequest`. `status` is `undefined` if no complete response arrived. */
  onResponse(operation: BctrlOperation, status: number | undefined): void;
  /** A rate limit has paused all requests except long polls for this long. Called when the pause ends. */
  onRateLimitPause(durationMs: number): void;
}
