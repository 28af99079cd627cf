import type { Invocation, TerminalStatus } from './api-types.js';
import { idSchema } from './bounded-string.js';
import { externalInput } from './external-input.js';
import { jsonPointerSchema, type PipelineFile } from './pipeline-input.js';
import { type RuntimeInput, runtimeInputSchema } from './runtime-input.js';

/** Long polls that a worker has open. Each keeps a connection; further waits ask in short intervals. */
export const MAX_HELD_POLLS = 200;

/** Input of the activity `waitForInvocation`. */
export interface WaitForInvocationInput extends RuntimeInput {
  /** Id of the job: 1 to 500 bytes of UTF-8, on one line. */
  readonly invocationId: string;
  /**
   * Where the job's output names files: a JSON pointer (RFC 6901) such as `/files`, at most 1,000 bytes, to a path, or to an
   * array of paths or of objects as in `files` of a pipeline; `''` is the whole output. Default: the output is not read.
   */
  readonly filesFromOutput?: string | undefined;
}

export const waitForInvocationInputSchema = externalInput(
  runtimeInputSchema.extend({
    invocationId: idSchema,
    filesFromOutput: jsonPointerSchema.optional(),
  }),
);

/** A runtime job that has ended. Its output stays with the API, as it may be larger than a history can hold. */
export interface TerminalInvocation extends Pick<Invocation, 'action' | 'error' | 'durationSeconds'> {
  /** Id of the job. */
  readonly id: string;
  /** How it ended. */
  readonly status: TerminalStatus;
}

/** A job that has ended, and the files that its output names if `filesFromOutput` asks for them. */
export interface WaitForInvocationResult extends TerminalInvocation {
  /** The files that its output names. Absent if nobody asked, if the output names none, or if it cannot be read. */
  readonly files?: readonly PipelineFile[];
  /** One sentence: why a job that succeeded names no files. */
  readonly outputProblem?: string;
}
