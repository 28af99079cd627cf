import { z } from 'zod';
import type { Invocation, TerminalStatus } from './api-schema.js';
import { idSchema } from './bounded-string.js';
import { externalInput } from './external-input.js';
import { jsonPointerSchema, type PipelineFile } from './pipeline-input.js';

export const waitForInvocationInputSchema = externalInput(
  z.strictObject({
    runtimeId: idSchema,
    invocationId: idSchema,
    /** Where in the job's output files are named (RFC 6901). */
    filesFromOutput: jsonPointerSchema.optional(),
  }),
);
export type WaitForInvocationInput = z.infer<typeof waitForInvocationInputSchema>;

/** A runtime job that has ended. Its output stays with the API: it may be larger than a history should hold. */
export type TerminalInvocation = Pick<Invocation, 'action' | 'error' | 'durationSeconds'> & {
  readonly id: string;
  readonly status: TerminalStatus;
};

/** The same, with what `filesFromOutput` asked for. */
export interface WaitForInvocationResult extends TerminalInvocation {
  readonly files?: readonly PipelineFile[];
  /** Why there are no files in the output, although the job succeeded. One sentence. */
  readonly outputProblem?: string;
}
