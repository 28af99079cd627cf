/** A durable file. */
export interface StoredFile {
  id: string;
  /** Position among all files, oldest first. */
  sequence: number;
  /** Milliseconds since the epoch; never less than that of the file before. */
  createdAt: number;
  path: string;
  name: string;
  type?: string;
  /** As sent, or null if none was sent. */
  metadata: Record<string, unknown> | null;
  contentType: string;
  sizeBytes: number;
  runtimeId: string;
  runId: string;
  /** As sent to collect; null for an exported archive. */
  runtimePath: string | null;
  /** Path of the bytes below the storage's `files/`. */
  location: string;
  /** The secret in the download URL. */
  signature: string;
  /** When `GET /v1/files` begins to show it, on the monotonic clock of this process. */
  listedAt: number;
}

/** A job to be made in the gateway. */
export interface InvocationOptions {
  /** Id of an active runtime. */
  runtimeId: string;
  /** How long the invocation runs; 0 means that it is finished from the start. */
  durationMs: number;
  /** The final status. Default: `failed` if there is an error, else `succeeded`. */
  status?: 'succeeded' | 'failed' | 'cancelled' | 'timed_out';
  /** What the action returns: any JSON. Default: none. */
  output?: unknown;
  /** Why it fails. Default: it does not. */
  error?: {
    /** Error code. */
    code: string;
    /** One sentence. */
    message: string;
    /** More about it: any JSON. Default: none. */
    details?: Record<string, unknown>;
  };
  /** Default `act`. */
  action?: string;
}

/** The status is computed from the clock, so an invocation also advances while the gateway is down. */
export interface StoredInvocation extends InvocationOptions {
  id: string;
  runId: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/** An `Idempotency-Key` and the request that it came with, as text to compare. */
export interface Idempotency {
  key: string;
  request: string;
}
