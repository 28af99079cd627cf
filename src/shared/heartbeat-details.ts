import * as z from 'zod';
import { collectOutcomeSchema } from './collect-outcome.js';
import { reasonClasses } from './reason-class.js';

/** The heartbeat details of every bctrl activity: what one attempt leaves to the next. */
export const heartbeatDetailsSchema = z.object({
  /** Number of the attempt, once it has ended. If it is not the predecessor's number, the predecessor was lost. */
  attempt: z.int(),
  /** A `CollectCheckpoint` of an activity that collects, an `ApiCheckpoint` of any other. */
  checkpoint: z.unknown(),
});
export type HeartbeatDetails = z.infer<typeof heartbeatDetailsSchema>;

/** Failures so far, by class. */
const failureCountsSchema = z.partialRecord(z.enum(reasonClasses), z.int());
export type FailureCounts = z.infer<typeof failureCountsSchema>;

export const apiCheckpointSchema = z.object({
  failures: failureCountsSchema,
  /** Last known status of the job that the activity waits for. */
  jobStatus: z.string().optional(),
});
export type ApiCheckpoint = z.infer<typeof apiCheckpointSchema>;

const fileCheckpointSchema = z.object({
  /** Kept in a batch: later attempts leave such a file alone. */
  outcome: collectOutcomeSchema.optional(),
  failures: failureCountsSchema,
  /** Set when an attempt may have made the file: earliest time of that, by the API's clock, in ms since the epoch. */
  lookupFromMs: z.number().optional(),
  /** Set when the file was, or may have been, requested again although it may have existed. */
  unverified: z.literal(true).optional(),
});
export type FileCheckpoint = z.infer<typeof fileCheckpointSchema>;

export const collectCheckpointSchema = z.object({
  /** In the order of the activity's input. */
  files: z.array(fileCheckpointSchema),
  /** Attempts in a row whose circuit breaker tripped. */
  consecutiveTrips: z.int(),
  lookupFailures: failureCountsSchema,
  /** No file of the activity is older than this, by the API's clock, in ms since the epoch. */
  lookupFromMs: z.number(),
  /** Account of the API key. The listing of another account proves nothing. */
  account: z.string().optional(),
});
export type CollectCheckpoint = z.infer<typeof collectCheckpointSchema>;
