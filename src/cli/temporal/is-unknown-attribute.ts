import { isGrpcServiceError } from '@temporalio/client';

/** gRPC's code for a request that names what the server does not know. */
const INVALID_ARGUMENT = 3;

/** The server does not know one of the search attributes, and has done nothing. */
export function isUnknownAttribute(error: unknown): boolean {
  const cause = error instanceof Error && !isGrpcServiceError(error) ? error.cause : error;
  return (
    isGrpcServiceError(cause) && cause.code === INVALID_ARGUMENT && /search ?attribute/i.test(cause.details)
  );
}
