import * as z from 'zod';
import { type ReasonClass, reasonClasses } from './reason-class.js';

/** A failure of the API: what a person needs to act on it, or to ask for help. */
export interface ApiProblem {
  /** The category that decides whether the failure is retried. */
  readonly reasonClass: ReasonClass;
  /** One sentence. */
  readonly message: string;
  /** The API's error code, such as `file.not_found`, or one of the connection, such as `ECONNREFUSED`. Absent if there is none. */
  readonly code?: string;
  /** HTTP status. Absent if there was no response. */
  readonly status?: number;
  /** Id of the request, for the API's support. Absent if the response named none. */
  readonly requestId?: string;
  /** What to do about it, in the API's words. Absent if the response had none. */
  readonly hint?: string;
  /** Set when a failed collect may have made the file all the same. */
  readonly unverified?: true;
  /** Set for a file that was not tried, because the API refused others for a cause that holds for all: the key, or the runtime. */
  readonly untried?: true;
}

export const apiProblemSchema = z.object({
  reasonClass: z.enum(reasonClasses),
  message: z.string(),
  code: z.string().exactOptional(),
  status: z.int().exactOptional(),
  requestId: z.string().exactOptional(),
  hint: z.string().exactOptional(),
  unverified: z.literal(true).exactOptional(),
  untried: z.literal(true).exactOptional(),
});

/** `details[0]` of every failure of a bctrl activity. Under 3 KB, so that Temporal keeps it. */
export interface FailureDetails extends Omit<ApiProblem, 'message'> {
  /** The `details` of the API's error response, or `{ truncated: true }` if they are too large to keep. */
  readonly details?: Record<string, unknown>;
}
