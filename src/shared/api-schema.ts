import * as z from 'zod';
import type { File, JobError, TerminalStatus } from './api-types.js';
import { boundedString, fileTypeSchema, isAtMostBytes, pathSchema } from './bounded-string.js';
import { truncateLine } from './display-text.js';
import { isAtMostDeep, isObject } from './external-input.js';

/*
 * The shapes of the HTTP API. Requests are strict. Responses are read tolerantly: one that says what is needed is a response.
 * Formats are annotations, enums are open, null counts as missing, and unknown fields are dropped. Every string is well-formed
 * and bounded, so that no response is too large for a history.
 */

const MAX_ID_LENGTH = 500;
const MAX_PATH_LENGTH = 4_096;
const MAX_TEXT_LENGTH = 1_024;
const MAX_URL_LENGTH = 16_384;

/** A field that is null, of another type or too long counts as missing. */
function readText(value: unknown, maxLength = MAX_TEXT_LENGTH): string | undefined {
  return typeof value === 'string' && value.length <= maxLength ? value.toWellFormed() : undefined;
}

/** An opaque id. A too long id is truncated, not refused: the file exists. */
function readId(value: unknown): string | undefined {
  const id = typeof value === 'number' ? String(value) : value;
  return typeof id === 'string' && id !== '' ? id.slice(0, MAX_ID_LENGTH).toWellFormed() : undefined;
}

const optionalText = z
  .unknown()
  .optional()
  .transform((value) => readText(value));
const optionalId = z.unknown().optional().transform(readId);

const metadataSchema = z.record(z.string(), z.unknown());

/** Fields that the contract requires of a File, beside its `id`. */
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

/** A durable file (OpenAPI `File`) with at least its id. It is read without zod, as this runs for every request. */
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
    path: readText(fields['path'], MAX_PATH_LENGTH),
    contentType: readText(fields['contentType']),
    sizeBytes: Number.isSafeInteger(sizeBytes) && Number(sizeBytes) >= 0 ? Number(sizeBytes) : undefined,
    createdAt: readText(fields['createdAt']),
    downloadUrl: readText(fields['downloadUrl'], MAX_URL_LENGTH),
    expiresAt: readText(fields['expiresAt']),
    metadata: isObject(metadata) ? metadata : undefined,
    runId: readId(fields['runId']),
    runtimeId: readId(fields['runtimeId']),
    type: readText(fields['type']),
  } satisfies Record<keyof Omit<File, 'missingFields'>, unknown>;
  const missingFields = requiredFileFields.filter((name) => file[name] === undefined);
  return missingFields.length === 0 ? file : { ...file, missingFields };
}

/** A page of files. An item without an id is skipped. Without a cursor the list ends. */
export const filePageSchema = z.object({
  data: z
    .array(z.unknown())
    .transform((items) => items.flatMap((item) => fileSchema.safeParse(item).data ?? [])),
  nextCursor: z
    .union([z.string(), z.number().transform(String)])
    .nullish()
    .transform((cursor) => cursor || null),
});

/** Enough for labels. Content belongs in the file. */
const MAX_METADATA_BYTES = 65_536;
/** Deeper than labels need, and shallow enough for every JSON reader on the way. */
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

const looseObject = z.record(z.string(), z.unknown()).catch(() => ({}));
/** A text of an error response. `BctrlError` makes it fit to be shown. */
const usableText = z.string().min(1).optional().catch(undefined);

const problemSchema = z.object({
  code: usableText,
  error: usableText,
  message: usableText,
  detail: usableText,
  title: usableText,
  reasonClass: z.unknown().optional(),
  hint: usableText,
  requestId: usableText,
  details: metadataSchema.optional().catch(undefined),
});

/**
 * OpenAPI `ErrorResponse`, and other error bodies in use: the error as a nested object, the first of `errors`,
 * `application/problem+json`. Each field comes from the first of them that has it.
 */
export const errorResponseSchema = looseObject.transform((body) => {
  const [first] = Array.isArray(body['errors']) ? body['errors'] : [];
  const problems = [body, body['error'], first].flatMap((value) => problemSchema.safeParse(value).data ?? []);
  const find = <K extends keyof z.infer<typeof problemSchema>>(name: K) =>
    problems.find((problem) => problem[name] !== undefined)?.[name];
  const error =
    find('error') ?? find('message') ?? find('detail') ?? find('title') ?? usableText.parse(first);
  return {
    code: find('code'),
    error,
    reasonClass: find('reasonClass'),
    hint: find('hint'),
    requestId: find('requestId'),
    details: find('details'),
  };
});

export const terminalStatuses = [
  'succeeded',
  'failed',
  'cancelled',
  'timed_out',
] as const satisfies TerminalStatus[];

/** A text that is cut to one line. */
const optionalLine = z.string().transform(truncateLine).optional().catch(undefined);

/** How a job failed: an object as in the contract, or a text. The client makes its texts fit to be shown. */
const jobErrorSchema: z.ZodType<JobError> = z.union([
  z.object({ code: z.string().optional().catch(undefined), message: z.string().optional().catch(undefined) }),
  z.string().transform((message) => ({ message })),
]);

/** A runtime job. Its `output` is whatever its action returns. */
export const invocationSchema = z.object({
  id: optionalId,
  runId: optionalId,
  status: z.string().min(1).transform(truncateLine),
  action: optionalLine,
  output: z.unknown().optional(),
  error: jobErrorSchema.optional().catch(undefined),
  durationSeconds: z.number().nonnegative().optional().catch(undefined),
  retryAfterSeconds: z.number().nonnegative().optional().catch(undefined),
});

export function isTerminal(status: string): status is TerminalStatus {
  return terminalStatuses.some((terminal) => terminal === status);
}

const runIdSchema = z.union([z.string().max(MAX_ID_LENGTH), z.number().transform(String)]);

export const runtimeSchema = z
  .object({
    id: optionalId,
    status: optionalText,
    /** A run id that is too long for a search attribute is refused: a cut one would name no run. */
    activeRunId: runIdSchema.nullish().transform((id) => id || null),
  })
  .refine(({ id, status, activeRunId }) => id !== undefined || status !== undefined || activeRunId !== null);

/** Any object, or no body: the HTTP status says that the runtime has stopped. */
export const runtimeStopSchema = z
  .object({ runId: optionalId, status: optionalText, stopped: z.boolean().optional().catch(undefined) })
  .nullable();

/** The account of an API key. One of the two ids is required, which tells the bctrl API from any other server. */
export const whoamiSchema = z
  .object({ keyId: optionalId, organizationId: optionalId, scope: optionalText })
  .refine(({ keyId, organizationId }) => keyId !== undefined || organizationId !== undefined);
