import type { z } from 'zod';
import { errorResponseSchema } from '../shared/api-schema.js';
import { type ReasonClass, resolveReasonClass } from '../shared/reason-class.js';
import { BctrlError } from './bctrl-error.js';
import { parseData, redactCode, redactFields, redactText } from './redact.js';
import { parseHttpDate, parseRetryAfter } from './retry-after.js';
import type { HttpResponse } from './transport.js';

interface RequestContext {
  /** Method and path without the query, for messages. */
  readonly request: string;
  /** Left out of everything that is shown. */
  readonly apiKeys: readonly string[];
  /** This machine's time, for a server that sends no `Date`. */
  readonly nowMs: number;
}

/** Statuses below 500 after which the API may have done what the request asked for: a proxy lost the response. */
const unclearStatuses: readonly number[] = [408, 425, 460, 499];

/** Classes of failures inside or behind the API, after which the request may have succeeded. */
const unclearClasses: readonly ReasonClass[] = ['upstream', 'server'];

/** What the body of a 2xx should be. The error for any other body says that it is not `name`. */
export interface ResponseKind<T> {
  readonly schema: z.ZodType<T>;
  readonly name: string;
  /** Makes the texts that a person reads safe to show. Everything else is data, and stays as it is. */
  readonly redact?: (value: T, apiKeys: readonly string[]) => T;
}

/**
 * Parses the body of a 2xx.
 *
 * @throws BctrlError of class `server`: the request has succeeded, but the response does not say what was made
 */
export function parseResponse<T>(
  response: HttpResponse,
  { schema, name, redact }: ResponseKind<T>,
  context: RequestContext,
): T {
  const { apiKeys } = context;
  const json = response.body === '' ? null : tryParse(() => parseData(response.body, apiKeys));
  if (json === undefined) throw toInvalidResponseError(response, 'a body that is not JSON', context);
  const parsed = schema.safeParse(json);
  if (parsed.success) {
    return redact === undefined ? parsed.data : redact(parsed.data, apiKeys);
  }
  const fields = parsed.error.issues.map((issue) => issue.path.join('.') || 'body').join(', ');
  throw toInvalidResponseError(response, `a body that is not ${name} (${fields})`, context);
}

/** The error for a response whose status is not 2xx. */
export function toResponseError(response: HttpResponse, context: RequestContext): BctrlError {
  const { status } = response;
  const body = errorResponseSchema.parse(tryParse(() => JSON.parse(response.body)));
  const show = (text: string | undefined) => text && redactText(text, context.apiKeys);
  const code = body.code && redactCode(body.code, context.apiKeys);
  // Compared and sent back, and never shown, so it stays as it is.
  const takenPath = body.details?.['path'];
  const codeAndText = [code, show(body.error)].filter((text) => text !== undefined && text !== '').join(': ');
  const message = `${context.request} returned ${status}${codeAndText ? ` ${codeAndText}` : describeForeignResponse(response, context.apiKeys)}`;
  const reasonClass = resolveReasonClass(status, body.reasonClass);
  const isUnclear = status < 400 || status >= 500 || unclearStatuses.includes(status);
  const serverMs = serverTimeMs(response) ?? context.nowMs;
  return new BctrlError(message, {
    reasonClass,
    code,
    status,
    requestId: show(body.requestId) ?? getRequestId(response, context.apiKeys),
    hint: show(body.hint),
    details: body.details && redactFields(body.details, context.apiKeys),
    retryAfterMs: parseRetryAfter(getHeader(response, 'retry-after'), serverMs),
    mayHaveSucceeded: isUnclear || unclearClasses.includes(reasonClass),
    ...(typeof takenPath === 'string' && { takenPath }),
  });
}

/** `problem` must not quote the body. */
function toInvalidResponseError(
  response: HttpResponse,
  problem: string,
  context: RequestContext,
): BctrlError {
  return new BctrlError(`${context.request} returned ${response.status} with ${problem}`, {
    reasonClass: 'server',
    code: 'response.invalid',
    status: response.status,
    requestId: getRequestId(response, context.apiKeys),
    mayHaveSucceeded: true,
  });
}

/** Returns the value of a body; `undefined` if it is not JSON. */
function tryParse(parse: () => unknown): unknown {
  try {
    return parse();
  } catch {
    // The parser's message would quote the body in logs and histories.
    return undefined;
  }
}

/** The `Date` of a response, in milliseconds since the epoch. */
export function serverTimeMs(response: Pick<HttpResponse, 'headers'>): number | undefined {
  const date = getHeader(response, 'date');
  return date === undefined ? undefined : parseHttpDate(date, Date.now());
}

/** Describes an error response that is not the API's own, most likely the page of a proxy. */
function describeForeignResponse(response: HttpResponse, apiKeys: readonly string[]): string {
  const [type = ''] = (getHeader(response, 'content-type') ?? '').split(';', 1);
  const server = getHeader(response, 'server') ?? '';
  const known = [type, server && `from ${server}`].filter((text) => text !== '').join(' ');
  return known === '' ? '' : ` (${redactText(known, apiKeys)}, not an error of the API)`;
}

function getRequestId(response: HttpResponse, apiKeys: readonly string[]): string | undefined {
  const id = getHeader(response, 'x-request-id') ?? getHeader(response, 'x-bctrl-request-id');
  return id && redactText(id, apiKeys);
}

function getHeader({ headers }: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
