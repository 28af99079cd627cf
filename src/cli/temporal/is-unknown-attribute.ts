import { isGrpcServiceError } from '@temporalio/client';
import { grpcStatus } from '../../grpc-status.js';

/** The server does not know one of the search attributes, and has done nothing. */
export function isUnknownSearchAttribute(error: unknown): boolean {
  const cause = error instanceof Error && !isGrpcServiceError(error) ? error.cause : error;
  return (
    isGrpcServiceError(cause) &&
    cause.code === grpcStatus.INVALID_ARGUMENT &&
    /search ?attribute/i.test(cause.details)
  );
}
