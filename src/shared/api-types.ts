/*
 * The objects of the HTTP API, as far as they are used. In a response, a field that is missing, null or of another type is
 * absent, and only the fields without a question mark are sure to be there. Ids are opaque texts.
 */

/** A durable file (OpenAPI `File`). The API may leave out every field but the id. */
export interface File {
  /** Id of the file: at most 500 characters, never empty. */
  readonly id: string;
  /** Id of the space that holds the file. */
  readonly spaceId?: string | undefined;
  /** How the file came into the space: `runtime` if it was collected, `upload` if it was uploaded. Other values may follow. */
  readonly source?: string | undefined;
  /** Display name, at most 1,024 characters. */
  readonly name?: string | undefined;
  /** Path in durable storage, at most 4,096 characters. */
  readonly path?: string | undefined;
  /** Media type, such as `text/csv`. */
  readonly contentType?: string | undefined;
  /** Size in bytes. */
  readonly sizeBytes?: number | undefined;
  /** When the file was made: an RFC 3339 date-time by the API's clock. */
  readonly createdAt?: string | undefined;
  /** URL of the content. Whoever has it can read the file until it expires, so keep it out of logs and histories. */
  readonly downloadUrl?: string | undefined;
  /** When the API deletes the file: an RFC 3339 date-time. */
  readonly expiresAt?: string | undefined;
  /** Labels that were stored with the file. */
  readonly metadata?: Record<string, unknown> | undefined;
  /** Id of the run that made the file. */
  readonly runId?: string | undefined;
  /** Id of the runtime that the file was collected from. */
  readonly runtimeId?: string | undefined;
  /** Type that the file was collected with. */
  readonly type?: string | undefined;
  /** Fields that the contract requires and that the response lacked, or had in another type. Absent if there are none. */
  readonly missingFields?: readonly string[];
}

/** One page of a list of files. */
export interface FilePage {
  /** The files of the page. An item without an id is left out. */
  readonly data: readonly File[];
  /** Cursor of the next page; `null` on the last one. */
  readonly nextCursor: string | null;
}

/** Body of the collect call (OpenAPI `RuntimeFileCollectRequest`), which copies a file into durable storage. */
export interface CollectRequest {
  /** Path of the file in the runtime's workspace: 1 to 4,096 bytes of UTF-8. */
  readonly runtimePath: string;
  /** Path of the copy in durable storage: 1 to 4,096 bytes of UTF-8. Default: chosen by the API. */
  readonly destinationPath?: string | undefined;
  /** Display name of the copy: 1 to 1,024 bytes of UTF-8. Default: chosen by the API. */
  readonly name?: string | undefined;
  /** Type of the copy, by which an archive selects files: 1 to 255 bytes of UTF-8. Default: none. */
  readonly type?: string | undefined;
  /** Labels that are stored with the copy: at most 64 KiB of JSON, 100 levels deep. Default: none. */
  readonly metadata?: Record<string, unknown> | undefined;
}

/** Why a job failed. */
export interface JobError {
  /** Error code of the job's action, cut to one line. */
  readonly code?: string | undefined;
  /** One sentence, cut to one line. */
  readonly message?: string | undefined;
}

/** The last status of a job. */
export type TerminalStatus = 'succeeded' | 'failed' | 'cancelled' | 'timed_out';

/** A runtime job. */
export interface Invocation {
  /** Id of the job. */
  readonly id?: string | undefined;
  /** Id of the run that the job belongs to. */
  readonly runId?: string | undefined;
  /** A {@link TerminalStatus} if the job has ended. Any other text means that it is still running. */
  readonly status: string;
  /** What the job does, such as `act`, cut to one line. */
  readonly action?: string | undefined;
  /** Whatever the job's action returned. */
  readonly output?: unknown;
  /** Why the job failed. Absent if it did not. */
  readonly error?: JobError | undefined;
  /** How long the job ran, in seconds. */
  readonly durationSeconds?: number | undefined;
  /** When to ask again, in seconds from now. */
  readonly retryAfterSeconds?: number | undefined;
}

/** A runtime: a hosted browser agent. The response has at least one of these fields. */
export interface Runtime {
  /** Id of the runtime. */
  readonly id?: string | undefined;
  /** Status in the API's words. */
  readonly status?: string | undefined;
  /** Id of the run that is active now: at most 500 characters. `null`: none is. */
  readonly activeRunId: string | null;
}

/** What the API says of a runtime that it has stopped. */
export interface RuntimeStop {
  /** Id of the run that ended with the runtime. */
  readonly runId?: string | undefined;
  /** Status in the API's words. */
  readonly status?: string | undefined;
  /** Whether the runtime has stopped already. */
  readonly stopped?: boolean | undefined;
}

/** Body of the export call, which makes a zip of a run's files. */
export interface ExportRequest {
  /** Name of the zip file. Default: chosen by the API. */
  readonly name?: string | undefined;
  /** Only files of these types. Default: all. */
  readonly type?: readonly string[] | undefined;
}

/** The owner of an API key. At least one of the two ids is there. */
export interface Whoami {
  /** Id of the API key. */
  readonly keyId?: string | undefined;
  /** Id of the organization that the key belongs to. */
  readonly organizationId?: string | undefined;
  /** What the key may do, in the API's words. */
  readonly scope?: string | undefined;
}
