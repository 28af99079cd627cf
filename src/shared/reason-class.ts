/** The API's stable error categories, spelled as on the wire (OpenAPI `ErrorResponseReasonClass`). */
export const reasonClasses = [
  'invalid_input',
  'unauthorized',
  'capability_denied',
  'capability_limit_exceeded',
  'rate_limited',
  'not_found',
  'conflict',
  'upstream',
  'server',
] as const;

export type ReasonClass = (typeof reasonClasses)[number];

/** What the public contract documents per status, plus the gateway statuses that mean "no answer from behind". */
const classByStatus: Readonly<Record<number, ReasonClass>> = {
  400: 'invalid_input',
  401: 'unauthorized',
  402: 'capability_limit_exceeded',
  403: 'capability_denied',
  404: 'not_found',
  408: 'upstream',
  409: 'conflict',
  429: 'rate_limited',
  500: 'server',
  502: 'upstream',
  503: 'upstream',
  504: 'upstream',
};

export function isReasonClass(value: unknown): value is ReasonClass {
  return reasonClasses.includes(value as ReasonClass);
}

/**
 * The class of an answer that is not the expected one. `claimed` is the body's `reasonClass`, which is optional
 * on the wire; a missing or unknown one is derived from the HTTP status.
 */
export function resolveReasonClass(status: number, claimed: unknown): ReasonClass {
  if (isReasonClass(claimed)) return claimed;
  const documented = classByStatus[status];
  if (documented !== undefined) return documented;
  return status >= 400 && status < 500 ? 'invalid_input' : 'server';
}
