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

/** An error category of the API. It decides whether a failure is retried, and it is the type of the failure in Temporal. */
export type ReasonClass = (typeof reasonClasses)[number];

/**
 * The statuses of the public contract, and those that proxies and CDNs add. `upstream` means that a proxy got no response from
 * the server behind it, which passes when the API is back.
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
  // Misdirected request: another connection may reach the right server.
  421: 'upstream',
  // Locked.
  423: 'conflict',
  // Too early.
  425: 'upstream',
  429: 'rate_limited',
  // A load balancer (460) or a proxy (499) lost its client, which was another proxy.
  460: 'upstream',
  499: 'upstream',
  500: 'server',
  502: 'upstream',
  503: 'upstream',
  504: 'upstream',
  // A proxy's timeouts towards its server.
  598: 'upstream',
  599: 'upstream',
};

/** 520–530: a CDN cannot reach the API, or is overloaded itself. */
const FIRST_CDN_STATUS = 520;
const LAST_CDN_STATUS = 530;

export function isReasonClass(value: unknown): value is ReasonClass {
  return reasonClasses.some((reasonClass) => reasonClass === value);
}

/** The class of an error response: its body's `reasonClass` if that is a known one, else derived from the HTTP status. */
export function resolveReasonClass(status: number, bodyReasonClass: unknown): ReasonClass {
  if (isReasonClass(bodyReasonClass)) return bodyReasonClass;
  const documented = classByStatus[status];
  if (documented !== undefined) return documented;
  if (status >= FIRST_CDN_STATUS && status <= LAST_CDN_STATUS) return 'upstream';
  return status >= 400 && status < 500 ? 'invalid_input' : 'server';
}
