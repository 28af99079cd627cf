/** Default code, reasonClass and message for each status. */
const standardErrors = {
  400: ['request.invalid', 'invalid_input', 'The request was invalid.'],
  401: ['auth.required', 'unauthorized', 'Authentication required: the API key is missing or invalid.'],
  403: ['auth.forbidden', 'capability_denied', 'The API key cannot access this resource.'],
  404: ['route.not_found', 'not_found', 'The requested resource was not found.'],
  409: ['request.conflict', 'conflict', 'The request conflicts with the current state.'],
  413: ['request.too_large', 'invalid_input', 'The request body is too large.'],
  429: ['rate_limited', 'rate_limited', 'Rate limit exceeded.'],
  500: ['server.error', 'server', 'An unexpected server error occurred.'],
  503: ['storage.unavailable', 'upstream', 'An upstream dependency was unavailable.'],
} as const;

type ErrorStatus = keyof typeof standardErrors;

interface ErrorResponse {
  code: string;
  error: string;
  reasonClass: string;
  requestId: string;
  details?: Record<string, unknown>;
}

/** What a handler throws to refuse a request. Code and message default to those of the status. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: ErrorStatus;
  readonly code: string;
  readonly details: Record<string, unknown> | undefined;

  constructor(status: ErrorStatus, code?: string, message?: string, details?: Record<string, unknown>) {
    const [standardCode, , standardMessage] = standardErrors[status];
    super(message ?? standardMessage);
    this.status = status;
    this.code = code ?? standardCode;
    this.details = details;
  }
}

export function toErrorResponse(error: ApiError, requestId: string): ErrorResponse {
  const { code, message, status, details } = error;
  const [, reasonClass] = standardErrors[status];
  return { code, error: message, reasonClass, requestId, ...(details && { details }) };
}

/** True for the statuses with a standard error; a proxy's 502 or 504 has none. */
export function isErrorStatus(status: number): status is ErrorStatus {
  return Object.hasOwn(standardErrors, status);
}
