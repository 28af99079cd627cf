import { BctrlError } from './bctrl-error.js';

/** Codes of failures before a connection stood, so that the request cannot have been sent. */
const neverSent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/;

/** Codes of requests that no HTTP can carry, refused by this process: they fail in the same way at every try. */
const localFaults = /^(UND_ERR_INVALID_ARG|UND_ERR_NOT_SUPPORTED|ERR_INVALID_|ERR_UNESCAPED_CHARACTERS)/;

/** The error of a request that got no whole response: no connection, reset, timeout, a response that is too large. */
export function toTransportError(error: unknown, request: string): BctrlError {
  const cause = error instanceof Error ? error : new Error(String(error));
  // The bytes that undici could not parse, for a log to print: a body may hold a signed URL.
  Reflect.deleteProperty(cause, 'data');
  const code = codeOf(cause);
  if (localFaults.test(code)) return toLocalError(`${request} cannot be sent: ${code}`);
  return new BctrlError(`${request} got no response: ${code}`, {
    reasonClass: code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' ? 'server' : 'upstream',
    code,
    // A route may be lost under a connection too: then the code is the same, and the system call another.
    mayHaveSucceeded: !neverSent.test(code) && firstOf(cause).syscall !== 'connect',
    cause,
  });
}

/** The error of a request that this process refuses to send. */
export function toLocalError(message: string): BctrlError {
  return new BctrlError(message, { reasonClass: 'invalid_input', mayHaveSucceeded: false });
}

function codeOf(error: Error): string {
  if (error.name === 'TimeoutError') return 'ETIMEDOUT';
  const code = firstOf(error).code ?? (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' ? code : error.name;
}

/** Happy Eyeballs: one error per address tried, all of them reasons for the same lack of a connection. */
function firstOf(error: Error): NodeJS.ErrnoException {
  return (error instanceof AggregateError ? error.errors[0] : undefined) ?? error;
}
