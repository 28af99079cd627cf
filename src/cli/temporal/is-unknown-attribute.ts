import { status } from '@grpc/grpc-js';
import { isGrpcServiceError } from '@temporalio/client';

/** The server does not know one of the search attributes, and has done nothing. */
export function isUnknownSearchAttribute(error: unknown): boolean {
  const cause = error instanceof Error && !isGrpcServiceError(error) ? error.cause : error;
  return (
    isGrpcServiceError(cause) &&
    cause.code === status.INVALID_ARGUMENT &&
    /search ?attribute/i.test(cause.details)
  );
}
