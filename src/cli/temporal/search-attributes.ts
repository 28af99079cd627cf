import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { isGrpcServiceError } from '@temporalio/client';
import proto from '@temporalio/proto';
import { ExitError, exitCodes } from '../../exit.js';
import { searchAttributes, visibilityQuery } from '../../shared/search-attributes.js';
import type { Session } from './session.js';

const { IndexedValueType } = proto.temporal.api.enums.v1;
const valueTypes = {
  KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  INT: IndexedValueType.INDEXED_VALUE_TYPE_INT,
} as const;

/** A server refreshes its cache of search attributes within seconds. */
const USABLE_WITHIN_MS = 30_000;
const POLL_MS = 200;

type PipelineAttribute = (typeof searchAttributes)[keyof typeof searchAttributes];

/**
 * Returns the search attributes of pipelines that the namespace lacks.
 *
 * @throws ExitError `usage` if one is registered with another type
 */
export async function findMissingSearchAttributes({ client, config }: Session): Promise<PipelineAttribute[]> {
  const { namespace } = config.temporal;
  const { customAttributes } = await client.connection.operatorService.listSearchAttributes({ namespace });
  const wrong = Object.values(searchAttributes).find(
    ({ name, type }) => (customAttributes?.[name] ?? valueTypes[type]) !== valueTypes[type],
  );
  if (wrong !== undefined) {
    const problem = `search attribute ${wrong.name} is registered with a type other than ${wrong.type}`;
    throw new ExitError(
      exitCodes.usage,
      `${problem}: remove it with temporal operator search-attribute remove`,
    );
  }
  return Object.values(searchAttributes).filter(({ name }) => customAttributes?.[name] === undefined);
}

/** Registers search attributes and waits until queries can use them. */
export async function registerSearchAttributes(
  { client, config }: Session,
  attributes: readonly PipelineAttribute[],
): Promise<void> {
  const { namespace } = config.temporal;
  const types = Object.fromEntries(attributes.map(({ name, type }) => [name, valueTypes[type]]));
  await client.connection.operatorService.addSearchAttributes({ namespace, searchAttributes: types });
  const deadlineMs = Date.now() + USABLE_WITHIN_MS;
  for (;;) {
    try {
      await client.workflow.count(visibilityQuery({ phase: 'held', failed: true, runtimeId: '-' }));
      return;
    } catch (error) {
      if (!isUnknownSearchAttribute(error) || Date.now() > deadlineMs) throw error;
    }
    await sleep(POLL_MS);
  }
}

/** Whether the server does not let clients list or register search attributes. Temporal Cloud does not. */
export function isUnsupportedByServer(error: unknown): boolean {
  if (!isGrpcServiceError(error)) return false;
  return error.code === status.PERMISSION_DENIED || error.code === status.UNIMPLEMENTED;
}

/** Whether the server refused a request because a search attribute is not registered. */
export function isUnknownSearchAttribute(error: unknown): boolean {
  const cause = error instanceof Error && !isGrpcServiceError(error) ? error.cause : error;
  return (
    isGrpcServiceError(cause) &&
    cause.code === status.INVALID_ARGUMENT &&
    /search ?attribute/i.test(cause.details)
  );
}
