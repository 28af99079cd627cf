import { z } from 'zod';

/*
 * The HTTP API's shapes as this project reads and writes them. Unknown fields are accepted and dropped, so that a
 * newer server breaks nothing and histories stay small.
 */

const metadataSchema = z.record(z.string(), z.unknown());

/** RFC 3339 lets the letters of a date-time be lower case; ISO 8601, and with it other readers, do not. */
const dateTimeSchema = z
  .string()
  .toUpperCase()
  .pipe(z.iso.datetime({ offset: true }));

/** A durable file (OpenAPI `File`). `createdAt` and `expiresAt` are RFC 3339 date-times. */
export const fileSchema = z.object({
  id: z.guid(),
  spaceId: z.guid(),
  source: z.enum(['upload', 'runtime']),
  name: z.string(),
  path: z.string(),
  contentType: z.string(),
  sizeBytes: z.int(),
  createdAt: dateTimeSchema,
  downloadUrl: z.string(),
  expiresAt: dateTimeSchema.optional(),
  metadata: metadataSchema.nullable().optional(),
  runId: z.guid().optional(),
  runtimeId: z.guid().optional(),
  type: z.string().optional(),
});
export type File = z.infer<typeof fileSchema>;

export const filePageSchema = z.object({
  data: z.array(fileSchema),
  nextCursor: z.string().nullable(),
});
export type FilePage = z.infer<typeof filePageSchema>;

/** Body of the collect call (OpenAPI `RuntimeFileCollectRequest`). */
export const collectRequestSchema = z.strictObject({
  runtimePath: z.string().min(1),
  destinationPath: z.string().min(1).optional(),
  name: z.string().min(1).optional(),
  type: z.string().min(1).optional(),
  metadata: metadataSchema.optional(),
});
export type CollectRequest = z.infer<typeof collectRequestSchema>;

/**
 * OpenAPI `ErrorResponse`, read leniently: every field that is usable is used, because an error that is slightly
 * off still has to be treated by its class.
 */
export const errorResponseSchema = z.object({
  code: z.string().optional().catch(undefined),
  error: z.string().optional().catch(undefined),
  reasonClass: z.unknown().optional(),
  hint: z.string().optional().catch(undefined),
  requestId: z.string().optional().catch(undefined),
  details: metadataSchema.optional().catch(undefined),
});

export const endedStatuses = ['succeeded', 'failed', 'cancelled', 'timed_out'] as const;
const runningStatuses = ['queued', 'dispatching', 'running', 'cancelling'] as const;

/** A runtime job. `output` is whatever its action yields. */
export const invocationSchema = z.object({
  id: z.string(),
  runtimeId: z.string(),
  runId: z.string().nullish(),
  action: z.string(),
  status: z.enum([...runningStatuses, ...endedStatuses]),
  output: z.unknown().optional(),
  error: z.object({ code: z.string(), message: z.string() }).nullish(),
  durationSeconds: z.number().nullish(),
});
export type Invocation = z.infer<typeof invocationSchema>;

export type EndedStatus = (typeof endedStatuses)[number];

export function isEnded(status: Invocation['status']): status is EndedStatus {
  return endedStatuses.includes(status as EndedStatus);
}

export const invocationWaitSchema = invocationSchema.extend({
  waitStatus: z.enum(['completed', 'timeout']),
  retryAfterSeconds: z.number().nonnegative().nullish(),
});
export type InvocationWait = z.infer<typeof invocationWaitSchema>;

export const runtimeSchema = z.object({
  id: z.string(),
  status: z.enum(['active', 'stopped', 'failed']),
  activeRunId: z.string().nullable(),
});
export type Runtime = z.infer<typeof runtimeSchema>;

export const runtimeStopSchema = z.object({
  runtimeId: z.string(),
  runId: z.string().nullable(),
  status: z.string(),
  stopped: z.boolean(),
});
export type RuntimeStop = z.infer<typeof runtimeStopSchema>;

/** Body of the export call: which of the run's files go into the zip, and what it is called. */
export interface ExportRequest {
  readonly name?: string | undefined;
  readonly type?: readonly string[] | undefined;
}

export const whoamiSchema = z.object({ keyId: z.string(), organizationId: z.string() });
export type Whoami = z.infer<typeof whoamiSchema>;
