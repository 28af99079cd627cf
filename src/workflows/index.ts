export { collectFile } from './collect-file.js';
export { postRunPipeline } from './post-run-pipeline.js';
