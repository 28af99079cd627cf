import { z } from 'zod';
import type { EndedStatus, Invocation } from './wire.js';

export const waitForInvocationInputSchema = z.strictObject({
  runtimeId: z.string().min(1),
  invocationId: z.string().min(1),
});
export type WaitForInvocationInput = z.infer<typeof waitForInvocationInputSchema>;

/** A runtime job that has ended. Its output stays with the API: it may be larger than a history should hold. */
export type EndedInvocation = Pick<Invocation, 'id' | 'action' | 'error' | 'durationSeconds'> & {
  readonly status: EndedStatus;
};
