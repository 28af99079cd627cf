import type { PipelineReport } from '../../src/shared/pipeline-report.js';

/** A file that the gateway committed, by its own journal. */
export interface StoredFact {
  readonly id: string;
  readonly runtimeId: string;
  /** `null` for an archive. */
  readonly runtimePath: string | null;
  /** When its bytes came, by the clock of this machine, in milliseconds since the epoch. */
  readonly storedMs: number | undefined;
  /** Of the bytes in the storage; `undefined` if there are none. */
  readonly sha256: string | undefined;
}

export type RunStatus =
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'terminated'
  | 'continued'
  | 'running'
  | 'timed out';

/** One run of a pipeline, by its history. */
export interface RunFact {
  readonly runId: string;
  /** The run from which it was continued or reset: runs with the same one report the same files. */
  readonly firstRunId: string;
  readonly status: RunStatus;
  /** When its first and its last event happened, in milliseconds since the epoch. A reset copies the first from another run. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** When it was opened: started, or made by a reset. */
  readonly openedMs: number;
  /** Its result, or what it answers to the query `progress` if it has none. */
  readonly report: PipelineReport | undefined;
  /** Why it did not answer the query, although a workflow task of it had completed. */
  readonly queryProblem: string | undefined;
  /** Names of the signals and of the accepted updates. */
  readonly messages: readonly string[];
  /** Whether its history has a reset, its own or a copied one. */
  readonly isReset: boolean;
  /** Paths of the files that accepted updates have added. */
  readonly added: readonly string[];
  /** Why its workflow tasks failed, except for what servers and operators do. */
  readonly failedTasks: readonly string[];
  /** Files whose activities had not completed when the run was ended from outside. */
  readonly inFlight: readonly InFlight[];
  /** Its completed lookups, in order. */
  readonly lookups: readonly Lookup[];
}

export interface InFlight {
  readonly path: string;
  /** When the activity was scheduled, in milliseconds since the epoch: it has requested nothing before. */
  readonly sinceMs: number;
}

/** A last lookup for files whose outcome was unclear. */
export interface Lookup {
  /** In milliseconds since the epoch, of the attempt that completed. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** The `fileKey` of each. */
  readonly keys: readonly string[];
}

/** A pipeline, and what was done to it. */
export interface PipelineFact {
  readonly workflowId: string;
  readonly runtimeId: string;
  readonly story: string;
  /** Hashes of all files of the runtime, by path. */
  readonly contents: ReadonlyMap<string, string>;
  /** Paths that a pipeline without failure has to collect. */
  readonly required: ReadonlySet<string>;
  /** How it may end, given what was done to it. */
  readonly allowed: readonly string[];
  readonly archives: number;
  /** Why its operator could not do what was planned. */
  readonly problem: string | undefined;
  /** Whether its runs show what is particular to its story. */
  readonly isAsTold: boolean;
  readonly runs: readonly RunFact[];
}

/** What a worker held at a moment. */
export interface ResourceSample {
  readonly worker: string;
  /** Counts the processes of the worker. */
  readonly life: number;
  readonly atMs: number;
  readonly timers: number;
  readonly heapMb: number;
  readonly rssMb: number;
  /** Connections to the API, and all sockets and other files; `undefined` where there is no `/proc`. */
  readonly apiSockets: number | undefined;
  readonly sockets: number | undefined;
  readonly files: number | undefined;
}

export interface ResourceFacts {
  /** Of fresh workers, before the first pipeline. */
  readonly fresh: readonly ResourceSample[];
  /** All samples while there were pipelines. */
  readonly busy: readonly ResourceSample[];
  /** After the last pipeline. */
  readonly atRest: readonly ResourceSample[];
  /** Workers that did not answer although they ran. */
  readonly unanswered: readonly string[];
  readonly workers: number;
  /** Whether no worker was meant to end. */
  readonly isSoak: boolean;
  /** How many samples of a worker the duration of the run has room for. */
  readonly samplesInRun: number;
  /** Whether sockets and files can be counted here. */
  readonly hasProc: boolean;
}

/** All that the invariants are about. */
export interface Facts {
  readonly pipelines: readonly PipelineFact[];
  readonly stored: readonly StoredFact[];
  readonly resources: ResourceFacts;
  /** Log lines of workers about failed workflow tasks. */
  readonly taskProblems: readonly string[];
  /** How many histories were chosen, and how many of them were replayed. */
  readonly toReplay: number;
  readonly replayed: number;
  readonly replayProblems: readonly string[];
  /** Processes that ended by themselves, or were left behind. */
  readonly processProblems: readonly string[];
  /** What the harness could not do. */
  readonly harnessProblems: readonly string[];
}
