/** The task queue of worker and starter, unless `BCTRL_TASK_QUEUE` names another. */
export const DEFAULT_TASK_QUEUE = 'bctrl-runtime-files';

/** The field of a file's `metadata` that holds its collection key. No other metadata may use this name. */
export const COLLECTION_KEY_FIELD = 'temporalCollectionKey';

/** Type of the failure of a pipeline that did not get what it was asked for. `details[0]` is its report. */
export const PIPELINE_FAILED = 'PipelineFailed';

/** Messages of a pipeline. */
export const PROGRESS_QUERY = 'progress';
export const RERUN_INPUT_QUERY = 'rerunInput';
export const JOB_FINISHED_SIGNAL = 'jobFinished';
export const ADD_FILES_UPDATE = 'addFiles';
export const RESUME_UPDATE = 'resume';
export const ABANDON_UPDATE = 'abandon';

/** Workflow types: the names of the workflow functions. */
export const POST_RUN_PIPELINE = 'postRunPipeline';
export const COLLECT_FILE = 'collectFile';

const PROGRAM_NAME = 'bctrl-temporal';

export interface WorkerIdentity {
  readonly pid: number;
  readonly hostname: string;
  /** Version of this package. */
  readonly version: string;
}

/** The identity of a worker in histories and among the pollers of a task queue: the SDK's default, and the version. */
export function toWorkerIdentity({ pid, hostname, version }: WorkerIdentity): string {
  return `${pid}@${hostname} ${PROGRAM_NAME}/${version}`;
}

/** The version in the identity of a worker, `undefined` for a worker of another program. */
export function parseWorkerVersion(identity: string): string | undefined {
  const [, program, version] = /^\S+ (\S+)\/(\S+)$/.exec(identity) ?? [];
  return program === PROGRAM_NAME ? version : undefined;
}
