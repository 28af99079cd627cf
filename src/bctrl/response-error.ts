import { errorResponseSchema } from '../shared/api-schema.js';
import { type ReasonClass, resolveReasonClass } from '../shared/reason-class.js';
import { truncateLine } from '../shared/truncate-line.js';
import { BctrlError } from './bctrl-error.js';
import { redact } from './redact.js';
import { parseHttpDate, parseRetryAfter } from './retry-after.js';

/** An HTTP response as it came: lower-case header names, the body as text. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface RequestContext {
  /** Method and path without query, as messages name the request. */
  readonly request: string;
  readonly apiKey: string;
  /** This machine's clock, for a server that sends no `Date`. */
  readonly nowMs: number;
}

/** Other statuses than 5xx after which the API may have done what it was asked for: a proxy lost it on the way. */
const unclearStatuses: readonly number[] = [408, 425, 460, 499];

/** Classes that say nothing about the request, but that something behind the API failed. */
const unclearClasses: readonly ReasonClass[] = ['upstream', 'server'];

/** The error of a response whose status is not a success. */
export function toResponseError(response: HttpResponse, context: RequestContext): BctrlError {
  const { status } = response;
  const parsed = errorResponseSchema.parse(parseJson(response.body));
  const body = redact(parsed, context.apiKey);
  const takenPath = parsed.details?.['path'];
  const said = [body.code, body.error].filter((text) => text !== undefined && text !== '').join(': ');
  const message = `${context.request} returned ${status}${said === '' ? describeStranger(response) : ` ${said}`}`;
  const reasonClass = resolveReasonClass(status, body.reasonClass);
  const isUnclear = status < 400 || status >= 500 || unclearStatuses.includes(status);
  const serverMs = serverTimeMs(response) ?? context.nowMs;
  return new BctrlError(message, {
    reasonClass,
    code: body.code,
    status,
    requestId: body.requestId ?? requestIdOf(response, context.apiKey),
    hint: body.hint,
    details: body.details,
    retryAfterMs: parseRetryAfter(header(response, 'retry-after'), serverMs),
    mayHaveSucceeded: isUnclear || unclearClasses.includes(reasonClass),
    ...(typeof takenPath === 'string' && { takenPath }),
  });
}

/** The error of a success whose body does not say what is needed. `problem` must not quote the body. */
export function toInvalidResponseError(
  response: HttpResponse,
  problem: string,
  context: RequestContext,
): BctrlError {
  return new BctrlError(`${context.request} returned ${response.status} with ${problem}`, {
    reasonClass: 'server',
    code: 'response.invalid',
    status: response.status,
    requestId: requestIdOf(response, context.apiKey),
    mayHaveSucceeded: true,
  });
}

/** The parsed body, or `undefined` when it is not JSON. */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The parser's message quotes the body, which must not reach a log or a history.
    return undefined;
  }
}

/** The server's clock when it responded, in milliseconds since the epoch, if it says so. */
export function serverTimeMs(response: Pick<HttpResponse, 'headers'>): number | undefined {
  const date = header(response, 'date');
  return date === undefined ? undefined : parseHttpDate(date, Date.now());
}

/** What a response is that has no error of the API: the page of a proxy, most likely. */
function describeStranger(response: HttpResponse): string {
  const [type = ''] = (header(response, 'content-type') ?? '').split(';', 1);
  const server = header(response, 'server') ?? '';
  const known = [type, server && `from ${server}`].filter((text) => text !== '').join(' ');
  return known === '' ? '' : ` (${truncateLine(known)}, no error of the API)`;
}

function requestIdOf(response: HttpResponse, apiKey: string): string | undefined {
  return redact(header(response, 'x-request-id') ?? header(response, 'x-bctrl-request-id'), apiKey);
}

function header({ headers }: Pick<HttpResponse, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
