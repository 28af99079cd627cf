import { z } from 'zod';
import { boundedString, fileTypeSchema, isAtMostBytes, pathSchema } from './bounded-string.js';
import { isAtMostDeep } from './external-input.js';
import { truncateLine } from './truncate-line.js';

/*
 * The HTTP API's shapes. What is sent is strict. What comes back is read tolerantly: a response that says what is needed is a
 * response. Formats are annotations, enums are open, null is the same as missing, unknown fields are dropped, and every string
 * is well-formed and bounded, so that no response is too large for a history.
 */

const MAXIMUM_ID_LENGTH = 500;
const MAXIMUM_PATH_LENGTH = 4_096;
const MAXIMUM_TEXT_LENGTH = 1_024;
const MAXIMUM_URL_LENGTH = 16_384;

/** A field counts as missing where it is null, of another type or too long. */
function readText(value: unknown, maximumLength = MAXIMUM_TEXT_LENGTH): string | undefined {
  return typeof value === 'string' && value.length <= maximumLength ? value.toWellFormed() : undefined;
}

/** Opaque, never parsed. A longer one is cut: what it names is there all the same. */
function readId(value: unknown): string | undefined {
  const id = typeof value === 'number' ? String(value) : value;
  return typeof id === 'string' && id !== '' ? id.slice(0, MAXIMUM_ID_LENGTH).toWellFormed() : undefined;
}

const optionalText = z
  .unknown()
  .optional()
  .transform((value) => readText(value));
const optionalId = z.unknown().optional().transform(readId);

const metadataSchema = z.record(z.string(), z.unknown());

/** Fields that the contract requires of a File, beside its id. */
const requiredFileFields = [
  'spaceId',
  'source',
  'name',
  'path',
  'contentType',
  'sizeBytes',
  'createdAt',
  'downloadUrl',
] as const;

/** A durable file (OpenAPI `File`). Only its id is certain to be there. It is read by hand, as every request reads one. */
export const fileSchema = z.unknown().transform((value, context): File => {
  const file = isObject(value) ? readFile(value) : undefined;
  if (file !== undefined) return file;
  context.addIssue({ code: 'custom', path: ['id'], message: 'names no file' });
  return z.NEVER;
});

function readFile(fields: Readonly<Record<string, unknown>>): File | undefined {
  const id = readId(fields['id']);
  if (id === undefined) return undefined;
  const { sizeBytes, metadata } = fields;
  const file = {
    id,
    spaceId: readId(fields['spaceId']),
    source: readText(fields['source']),
    name: readText(fields['name']),
    path: readText(fields['path'], MAXIMUM_PATH_LENGTH),
    contentType: readText(fields['contentType']),
    sizeBytes: Number.isSafeInteger(sizeBytes) && Number(sizeBytes) >= 0 ? Number(sizeBytes) : undefined,
    createdAt: readText(fields['createdAt']),
    downloadUrl: readText(fields['downloadUrl'], MAXIMUM_URL_LENGTH),
    expiresAt: readText(fields['expiresAt']),
    metadata: isObject(metadata) ? metadata : undefined,
    runId: readId(fields['runId']),
    runtimeId: readId(fields['runtimeId']),
    type: readText(fields['type']),
  };
  const missingFields = requiredFileFields.filter((name) => file[name] === undefined);
  return missingFields.length === 0 ? file : { ...file, missingFields };
}

export interface File {
  readonly id: string;
  readonly spaceId?: string | undefined;
  readonly source?: string | undefined;
  readonly name?: string | undefined;
  readonly path?: string | undefined;
  readonly contentType?: string | undefined;
  readonly sizeBytes?: number | undefined;
  readonly createdAt?: string | undefined;
  readonly downloadUrl?: string | undefined;
  readonly expiresAt?: string | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
  readonly runId?: string | undefined;
  readonly runtimeId?: string | undefined;
  readonly type?: string | undefined;
  /** Fields that the contract requires and that the response did not have, or not of their type. */
  readonly missingFields?: readonly string[];
}

/** An item that does not name a file is skipped. Without a cursor the list ends; one that is neither text nor number is no page. */
export const filePageSchema = z.object({
  data: z
    .array(z.unknown())
    .transform((items) => items.flatMap((item) => fileSchema.safeParse(item).data ?? [])),
  nextCursor: z
    .union([z.string(), z.number().transform(String)])
    .nullish()
    .transform((cursor) => cursor || null),
});
export type FilePage = z.infer<typeof filePageSchema>;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Labels of a file, not its content. */
const MAX_METADATA_BYTES = 65_536;
const MAX_METADATA_DEPTH = 100;

/** Body of the collect call (OpenAPI `RuntimeFileCollectRequest`). */
export const collectRequestSchema = z.strictObject({
  runtimePath: pathSchema,
  destinationPath: pathSchema.optional(),
  name: boundedString(1_024).optional(),
  type: fileTypeSchema.optional(),
  metadata: z
    .custom<Record<string, unknown>>(isObject, 'expected an object')
    .refine(
      (metadata) =>
        isAtMostDeep(metadata, MAX_METADATA_DEPTH) &&
        isAtMostBytes(JSON.stringify(metadata), MAX_METADATA_BYTES),
      `must be at most ${MAX_METADATA_BYTES} bytes of JSON, and ${MAX_METADATA_DEPTH} levels deep`,
    )
    .optional(),
});
export type CollectRequest = z.infer<typeof collectRequestSchema>;

const looseObject = z.record(z.string(), z.unknown()).catch({});
/** A text of an error; it is made fit to be shown where the error is made. */
const said = z.string().min(1).optional().catch(undefined);

const problemSchema = z.object({
  code: said,
  error: said,
  message: said,
  detail: said,
  title: said,
  reasonClass: z.unknown().optional(),
  hint: said,
  requestId: said,
  details: metadataSchema.optional().catch(undefined),
});

/**
 * OpenAPI `ErrorResponse`, and what else servers answer with: the error as an object of its own, the first of `errors`,
 * `application/problem+json`. Every field that is usable is used.
 */
export const errorResponseSchema = looseObject.transform((body) => {
  const [first] = Array.isArray(body['errors']) ? body['errors'] : [];
  const all = [body, body['error'], first].flatMap((value) => problemSchema.safeParse(value).data ?? []);
  const find = <K extends keyof z.infer<typeof problemSchema>>(name: K) =>
    all.find((problem) => problem[name] !== undefined)?.[name];
  const error = find('error') ?? find('message') ?? find('detail') ?? find('title') ?? said.parse(first);
  return {
    code: find('code'),
    error,
    reasonClass: find('reasonClass'),
    hint: find('hint'),
    requestId: find('requestId'),
    details: find('details'),
  };
});

export const terminalStatuses = ['succeeded', 'failed', 'cancelled', 'timed_out'] as const;
export type TerminalStatus = (typeof terminalStatuses)[number];

/** A text for one line, cut where it is longer. */
const optionalLine = z.string().transform(truncateLine).optional().catch(undefined);

/** How a job failed: the contract's object, or a text. */
const jobErrorSchema: z.ZodType<JobError> = z.union([
  z.object({ code: optionalLine, message: optionalLine }),
  z.string().transform((message) => ({ message: truncateLine(message) })),
]);
export interface JobError {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

/** A runtime job. `output` is whatever its action yields. */
export const invocationSchema = z.object({
  id: optionalId,
  runId: optionalId,
  /** An unknown status counts as not ended. */
  status: z.string().min(1).transform(truncateLine),
  action: optionalLine,
  output: z.unknown().optional(),
  error: jobErrorSchema.optional().catch(undefined),
  durationSeconds: z.number().nonnegative().optional().catch(undefined),
  /** When to ask again. */
  retryAfterSeconds: z.number().nonnegative().optional().catch(undefined),
});
export type Invocation = z.infer<typeof invocationSchema>;

export function isTerminal(status: string): status is TerminalStatus {
  return terminalStatuses.some((ended) => ended === status);
}

const runIdSchema = z.union([z.string().max(MAXIMUM_ID_LENGTH), z.number().transform(String)]);

export const runtimeSchema = z
  .object({
    id: optionalId,
    status: optionalText,
    /** One that is too long to be a search attribute makes the response unreadable: a part of it names no run. */
    activeRunId: runIdSchema.nullish().transform((id) => id || null),
  })
  .refine(({ id, status, activeRunId }) => id !== undefined || status !== undefined || activeRunId !== null);
export type Runtime = z.infer<typeof runtimeSchema>;

/** Any object, or no body: the status of the response says that the runtime is stopped. */
export const runtimeStopSchema = z
  .object({ runId: optionalId, status: optionalText, stopped: z.boolean().optional().catch(undefined) })
  .nullable();
export type RuntimeStop = z.infer<typeof runtimeStopSchema>;

/** Body of the export call: which of the run's files go into the zip, and what it is called. */
export interface ExportRequest {
  readonly name?: string | undefined;
  readonly type?: readonly string[] | undefined;
}

/** Whose key it is. One of the two tells the bctrl API from any other server. */
export const whoamiSchema = z
  .object({ keyId: optionalId, organizationId: optionalId, scope: optionalText })
  .refine(({ keyId, organizationId }) => keyId !== undefined || organizationId !== undefined);
export type Whoami = z.infer<typeof whoamiSchema>;
