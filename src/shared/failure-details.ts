import { z } from 'zod';
import { reasonClasses } from './reason-class.js';

export const apiProblemSchema = z.object({
  reasonClass: z.enum(reasonClasses),
  /** One sentence. */
  message: z.string(),
  /** The API's error code. */
  code: z.string().exactOptional(),
  /** HTTP status. */
  status: z.int().exactOptional(),
  requestId: z.string().exactOptional(),
  /** What to do about it, in the API's words. */
  hint: z.string().exactOptional(),
  /** Set when a failed collect may have made the file all the same. */
  unverified: z.literal(true).exactOptional(),
});
/** A failure of the API: what a person needs to act on it, or to ask for help. */
export type ApiProblem = Readonly<z.infer<typeof apiProblemSchema>>;

/** `details[0]` of every failure of a bctrl activity. Under 3 KB, so that Temporal keeps it. */
export interface FailureDetails extends Omit<ApiProblem, 'message'> {
  /** The `details` of the API's error response, or `{ truncated: true }` if they are too large to keep. */
  readonly details?: Record<string, unknown>;
}
