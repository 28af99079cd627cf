import * as z from 'zod';

/** The activity in which a worker says how it is. */
export const DESCRIBE_WORKER = 'describeWorker';

/** What a worker says of an encryption key. */
export interface WorkerKey {
  readonly id: string;
  readonly fingerprint: string;
}

/** How a worker is, as `doctor` asks it. */
export interface WorkerState {
  /** Version of this package. */
  readonly version: string;
  readonly apiKey: {
    /** The API's id of the key, which is no secret. */
    readonly id?: string | undefined;
    /** Why the API does not accept the key, or cannot be asked. */
    readonly problem?: string | undefined;
    /** The API refuses the key. */
    readonly isRefused?: boolean | undefined;
  };
  /** The keys that it decrypts with; the first one encrypts. Absent if it encrypts nothing. */
  readonly encryptionKeys?: readonly WorkerKey[] | undefined;
  readonly activities: { readonly running: number; readonly limit: number };
  /** HTTP requests to the API, without long polls. */
  readonly requests: { readonly inFlight: number; readonly limit: number };
}

/** Reads the state that a worker of another version sent. */
export const workerStateSchema: z.ZodType<WorkerState> = z.object({
  version: z.string(),
  apiKey: z.object({
    id: z.string().optional(),
    problem: z.string().optional(),
    isRefused: z.boolean().optional(),
  }),
  encryptionKeys: z.array(z.object({ id: z.string(), fingerprint: z.string() })).optional(),
  activities: z.object({ running: z.number(), limit: z.number() }),
  requests: z.object({ inFlight: z.number(), limit: z.number() }),
});

const PREFIX = 'describe';

/** The task queue of one worker alone, on which it is asked how it is. */
export function toDescribeQueue(taskQueue: string, identity: string): string {
  return `${PREFIX}:${taskQueue}:${identity}`;
}

export function isDescribeQueue(taskQueue: unknown): boolean {
  return typeof taskQueue === 'string' && taskQueue.startsWith(`${PREFIX}:`);
}

/** Whether a worker of Temporal's SDK no longer takes tasks: it drains, or has ended. */
export function isStopping(worker: { getState(): string }): boolean {
  return !['INITIALIZED', 'RUNNING'].includes(worker.getState());
}
