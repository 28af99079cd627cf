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

/**
 * What the public contract documents per status, and what proxies and CDNs add. Statuses by which a proxy says that it had no
 * answer from behind are `upstream`: they pass when the API is back.
 */
const classByStatus: Readonly<Record<number, ReasonClass>> = {
  400: 'invalid_input',
  401: 'unauthorized',
  402: 'capability_limit_exceeded',
  403: 'capability_denied',
  404: 'not_found',
  408: 'upstream',
  409: 'conflict',
  410: 'not_found',
  // Misdirected: another connection may reach the right server.
  421: 'upstream',
  // Locked.
  423: 'conflict',
  // Too early.
  425: 'upstream',
  429: 'rate_limited',
  // A load balancer (460) or proxy (499) lost its client, which was a proxy before it.
  460: 'upstream',
  499: 'upstream',
  500: 'server',
  502: 'upstream',
  503: 'upstream',
  504: 'upstream',
  // A proxy's timeouts behind it.
  598: 'upstream',
  599: 'upstream',
};

/** Of CDNs: they cannot reach the API, or are overloaded themselves. */
const FIRST_CDN_STATUS = 520;
const LAST_CDN_STATUS = 530;

export function isReasonClass(value: unknown): value is ReasonClass {
  return reasonClasses.includes(value as ReasonClass);
}

/**
 * The class of an answer that is not the expected one. `claimed` is the body's `reasonClass`, which is optional
 * on the wire; a missing or unknown one is derived from the HTTP status.
 */
export function resolveReasonClass(status: number, bodyReasonClass: unknown): ReasonClass {
  if (isReasonClass(bodyReasonClass)) return bodyReasonClass;
  const documented = classByStatus[status];
  if (documented !== undefined) return documented;
  if (status >= FIRST_CDN_STATUS && status <= LAST_CDN_STATUS) return 'upstream';
  return status >= 400 && status < 500 ? 'invalid_input' : 'server';
}
