import { resolveReasonClass } from '../shared/reason-class.js';
import { errorResponseSchema } from '../shared/wire.js';
import { BctrlError } from './bctrl-error.js';
import { redact } from './redact.js';
import { parseRetryAfter } from './retry-after.js';

/** An HTTP answer as it came: lower-case header names, the body as text. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface AnswerContext {
  /** Method and path without query, as messages name the call. */
  readonly call: string;
  readonly apiKey: string;
  readonly nowMs: number;
}

/** The error of an answer whose status is not a success. */
export function toRefusal(answer: Answer, context: AnswerContext): BctrlError {
  const { status } = answer;
  const parsed = errorResponseSchema.safeParse(parseJson(answer.body));
  const body = redact(parsed.data ?? {}, context.apiKey);
  const said = [body.code, body.error].filter((text) => text !== undefined && text !== '').join(': ');
  return new BctrlError(`${context.call} answered ${status}${said === '' ? '' : ` ${said}`}`, {
    reasonClass: resolveReasonClass(status, body.reasonClass),
    code: body.code,
    status,
    requestId: body.requestId ?? requestIdOf(answer, context.apiKey),
    hint: body.hint,
    details: body.details,
    retryAfterMs: parseRetryAfter(header(answer, 'retry-after'), context.nowMs),
    mayHaveHappened: status >= 500 || status === 408,
  });
}

/** The error of a success whose body is not what the contract promises. `problem` must not quote the body. */
export function toUnreadable(answer: Answer, problem: string, context: AnswerContext): BctrlError {
  return new BctrlError(`${context.call} answered ${answer.status} with ${problem}`, {
    reasonClass: 'server',
    code: 'response.invalid',
    status: answer.status,
    requestId: requestIdOf(answer, context.apiKey),
    mayHaveHappened: true,
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

function requestIdOf(answer: Answer, apiKey: string): string | undefined {
  return redact(header(answer, 'x-request-id') ?? header(answer, 'x-bctrl-request-id'), apiKey);
}

function header(answer: Answer, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
