import type { BriefOutcome } from '../shared/collect-outcome.js';
import type { PipelineFile } from '../shared/pipeline-input.js';
import type { FileOutcome } from '../shared/pipeline-report.js';

/** What became of a file: as the report lists it, or as it is only counted. */
export type FileResult = FileOutcome | (BriefOutcome & Pick<FileOutcome, 'runtimePath'>);

/** A file of a pipeline, and what became of it. */
export interface FileEntry {
  /** From 1, in the order in which they came. */
  readonly position: number;
  readonly file: PipelineFile;
  /** Of its source and destination: two files of the same are one. */
  readonly key: string;
  /** It was taken before, and may have been copied. */
  attempted: boolean;
  outcome?: FileResult;
}
