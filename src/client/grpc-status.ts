import type { status } from '@grpc/grpc-js';

/** Status codes of gRPC. TypeScript compares them with the enum's; only its type is imported, so that nobody installs it for this. */
export const grpcStatus: {
  readonly [Name in
    | 'INVALID_ARGUMENT'
    | 'NOT_FOUND'
    | 'PERMISSION_DENIED'
    | 'FAILED_PRECONDITION'
    | 'UNIMPLEMENTED'
    | 'UNAUTHENTICATED']: (typeof status)[Name];
} = {
  INVALID_ARGUMENT: 3,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  UNAUTHENTICATED: 16,
};
