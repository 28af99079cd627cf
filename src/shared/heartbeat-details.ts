import { z } from 'zod';
import { collectOutcomeSchema } from './collect-outcome.js';
import { reasonClasses } from './reason-class.js';

/** What an attempt of a bctrl activity leaves to the next one in its heartbeat details. */
export const heartbeatDetailsSchema = z.object({
  /** Number of the attempt that has ended. Any other number than the predecessor's says that the predecessor was lost. */
  attempt: z.int(),
  /** An `ApiCheckpoint`, or a `CollectCheckpoint` of an activity that collects. */
  checkpoint: z.unknown(),
});
export type HeartbeatDetails = z.infer<typeof heartbeatDetailsSchema>;

/** Failures of one piece of work so far, by class. */
const failureCountsSchema = z.partialRecord(z.enum(reasonClasses), z.int());
export type FailureCounts = z.infer<typeof failureCountsSchema>;

export const apiCheckpointSchema = z.object({
  failures: failureCountsSchema,
  /** Of a job that is waited for, as the API said it last. */
  jobStatus: z.string().optional(),
});
export type ApiCheckpoint = z.infer<typeof apiCheckpointSchema>;

const fileCheckpointSchema = z.object({
  /** In a batch. The attempts after it leave such a file alone. */
  outcome: collectOutcomeSchema.optional(),
  failures: failureCountsSchema,
  /** An attempt may have made it, at this time of the API's clock or later: milliseconds since the epoch. */
  lookupFromMs: z.number().optional(),
  /** It was asked for again although it may have been there. */
  unverified: z.literal(true).optional(),
});
export type FileCheckpoint = z.infer<typeof fileCheckpointSchema>;

export const collectCheckpointSchema = z.object({
  /** In the order of the activity's input. */
  files: z.array(fileCheckpointSchema),
  /** Attempts in a row whose circuit breaker tripped. */
  consecutiveTrips: z.int(),
  lookupFailures: failureCountsSchema,
  /** No file that the activity has made is older, by the API's clock: milliseconds since the epoch. */
  lookupFromMs: z.number(),
  /** Whose API key it was: the listing of another account proves nothing. */
  account: z.string().optional(),
});
export type CollectCheckpoint = z.infer<typeof collectCheckpointSchema>;
