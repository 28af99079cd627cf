import { z } from 'zod';
import type { Invocation, TerminalStatus } from './api-schema.js';
import { idSchema } from './bounded-string.js';
import { externalInput } from './external-input.js';
import { jsonPointerSchema, type PipelineFile } from './pipeline-input.js';

export const waitForInvocationInputSchema = externalInput(
  z.strictObject({
    runtimeId: idSchema,
    invocationId: idSchema,
    /** Where the job's output names files: a JSON pointer (RFC 6901). */
    filesFromOutput: jsonPointerSchema.optional(),
  }),
);
export type WaitForInvocationInput = z.infer<typeof waitForInvocationInputSchema>;

/** A runtime job that has ended. Its output stays with the API, as it may be larger than a history can hold. */
export type TerminalInvocation = Pick<Invocation, 'action' | 'error' | 'durationSeconds'> & {
  readonly id: string;
  readonly status: TerminalStatus;
};

/** A job that has ended, and the files that its output names if `filesFromOutput` asks for them. */
export interface WaitForInvocationResult extends TerminalInvocation {
  readonly files?: readonly PipelineFile[];
  /** One sentence: why a job that succeeded names no files. */
  readonly outputProblem?: string;
}
