import { type Client, isGrpcServiceError } from '@temporalio/client';
import { searchAttributes } from '../shared/search-attributes.js';
import { grpcStatus } from './grpc-status.js';

/** The types as numbers, from the enum `IndexedValueType` of Temporal's API. */
export const indexedValueTypes = { KEYWORD: 2, INT: 3 } as const;

export type PipelineAttribute = (typeof searchAttributes)[keyof typeof searchAttributes];

/** Search attributes of pipelines that a namespace cannot store. */
export interface UnusableSearchAttributes {
  /** They are not registered. */
  readonly missing: readonly PipelineAttribute[];
  /** They are registered with another type. */
  readonly mistyped: readonly PipelineAttribute[];
}

/** Compares the search attributes of pipelines with those that are registered. Temporal Cloud does not let clients list them. */
export async function findUnusableSearchAttributes({
  connection,
  options: { namespace },
}: Client): Promise<UnusableSearchAttributes> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const all = Object.values(searchAttributes);
  return {
    missing: all.filter(({ name }) => customAttributes?.[name] === undefined),
    mistyped: all.filter(({ name, type }) => {
      const registered = customAttributes?.[name];
      return registered !== undefined && registered !== indexedValueTypes[type];
    }),
  };
}

/** Whether the server refused a request because a search attribute is not registered. */
export function isUnknownSearchAttribute(error: unknown): boolean {
  const cause = error instanceof Error && !isGrpcServiceError(error) ? error.cause : error;
  return (
    isGrpcServiceError(cause) &&
    cause.code === grpcStatus.INVALID_ARGUMENT &&
    /search ?attribute/i.test(cause.details)
  );
}
