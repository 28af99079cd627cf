import type { ReasonClass } from './reason-class.js';

/** `details[0]` of every failure of a bctrl activity: what a person needs to act or to ask for help. Under 3 KB. */
export interface FailureDetails {
  readonly reasonClass: ReasonClass;
  readonly code?: string;
  readonly status?: number;
  readonly requestId?: string;
  readonly hint?: string;
  /** Of a collect: the file may be there all the same. */
  readonly unverified?: true;
  /** The ErrorResponse's `details`, or `{ truncated: true }` where they are too large to be kept. */
  readonly details?: Record<string, unknown>;
}
