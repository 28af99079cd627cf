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
