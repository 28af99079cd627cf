import { BctrlError } from './bctrl-error.js';

/** Codes of failures before a connection stood, so that the request cannot have been sent. */
const neverSent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH)/;

/** The error of a call that got no whole answer: no connection, reset, timeout, an answer that is too large. */
export function toTransportError(error: unknown, call: string): BctrlError {
  const cause = error instanceof Error ? error : new Error(String(error));
  // The bytes that undici could not parse, for a log to print: a body may hold a signed URL.
  Reflect.deleteProperty(cause, 'data');
  const code = codeOf(cause);
  return new BctrlError(`${call} got no answer: ${code}`, {
    reasonClass: code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' ? 'server' : 'upstream',
    code,
    mayHaveHappened: !neverSent.test(code),
    cause,
  });
}

function codeOf(error: Error): string {
  if (error.name === 'TimeoutError') return 'ETIMEDOUT';
  // Happy Eyeballs: one error per address tried, all of them reasons for the same lack of a connection.
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const code = first?.code ?? (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' ? code : error.name;
}
