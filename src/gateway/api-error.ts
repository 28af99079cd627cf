/** What the API says with each status unless there is something more precise to say. */
const standardErrors = {
  400: { code: 'request.invalid', reasonClass: 'invalid_input', error: 'The request was invalid.' },
  401: {
    code: 'auth.required',
    reasonClass: 'unauthorized',
    error: 'Authentication required: the API key is missing or invalid.',
  },
  403: {
    code: 'auth.forbidden',
    reasonClass: 'capability_denied',
    error: 'The API key cannot access this resource.',
  },
  404: {
    code: 'route.not_found',
    reasonClass: 'not_found',
    error: 'The requested resource was not found.',
  },
  409: {
    code: 'request.conflict',
    reasonClass: 'conflict',
    error: 'The request conflicts with the current state.',
  },
  429: { code: 'rate_limited', reasonClass: 'rate_limited', error: 'Rate limit exceeded.' },
  500: { code: 'server.error', reasonClass: 'server', error: 'An unexpected server error occurred.' },
  503: {
    code: 'storage.unavailable',
    reasonClass: 'upstream',
    error: 'An upstream dependency was unavailable.',
  },
} as const;

export type ErrorStatus = keyof typeof standardErrors;

interface ErrorResponse {
  code: string;
  error: string;
  reasonClass: string;
  requestId: string;
  details?: Record<string, unknown>;
}

/** The one way a handler refuses a request. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: ErrorStatus;
  readonly code: string;
  readonly details: Record<string, unknown> | undefined;

  constructor(status: ErrorStatus, code?: string, message?: string, details?: Record<string, unknown>) {
    super(message ?? standardErrors[status].error);
    this.status = status;
    this.code = code ?? standardErrors[status].code;
    this.details = details;
  }
}

export function toErrorResponse(error: ApiError, requestId: string): ErrorResponse {
  const { reasonClass } = standardErrors[error.status];
  const body = { code: error.code, error: error.message, reasonClass, requestId };
  return error.details ? { ...body, details: error.details } : body;
}

/** The statuses the API has a standard error for; a proxy's 502 or 504 is not among them. */
export function isErrorStatus(status: number): status is ErrorStatus {
  return Object.hasOwn(standardErrors, status);
}
