/** The task queue of worker and starter, unless `BCTRL_TASK_QUEUE` says otherwise. */
export const DEFAULT_TASK_QUEUE = 'bctrl-runtime-files';

/** The field of a file's `metadata` that holds its collection key. No user metadata may have a field of this name. */
export const COLLECTION_KEY_FIELD = 'temporalCollectionKey';

/** Type of the failure that ends a pipeline whose required files are not all there; `details[0]` is the report. */
export const PIPELINE_FAILED = 'PipelineFailed';

/** Names of a pipeline's messages. */
export const PROGRESS_QUERY = 'progress';
export const RERUN_INPUT_QUERY = 'rerunInput';
export const JOB_FINISHED_SIGNAL = 'jobFinished';
export const ADD_FILES_UPDATE = 'addFiles';
export const RESUME_UPDATE = 'resume';
export const ABANDON_UPDATE = 'abandon';

/** Workflow types, as clients start them and the UI shows them: the names of the workflow functions. */
export const POST_RUN_PIPELINE = 'postRunPipeline';
export const COLLECT_FILE = 'collectFile';
