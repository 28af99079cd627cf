import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { isGrpcServiceError } from '@temporalio/client';
import { ExitError, exitCodes } from '../../exit.js';
import { searchAttributes } from '../../shared/search-attributes.js';
import { visibilityQuery } from '../../shared/visibility-query.js';
import type { Session } from './connect.js';
import { isUnknownSearchAttribute } from './is-unknown-attribute.js';

/** `IndexedValueType` of the Temporal API. */
const typeCodes = { KEYWORD: 2, INT: 3 } as const;

/** A server takes a moment until it can use what was registered. */
const USABLE_WITHIN_MS = 30_000;
const POLL_MS = 200;

/** gRPC's codes of a server on which clients may not do this. */
const notAllowed: readonly number[] = [status.PERMISSION_DENIED, status.UNIMPLEMENTED];

type PipelineAttribute = (typeof searchAttributes)[keyof typeof searchAttributes];

/**
 * The search attributes of pipelines that the namespace does not know.
 *
 * @throws Exit `usage` if it knows one of them as something else
 */
export async function missingSearchAttributes({ client, config }: Session): Promise<PipelineAttribute[]> {
  const { namespace } = config.temporal;
  const { customAttributes } = await client.connection.operatorService.listSearchAttributes({ namespace });
  const wrong = Object.values(searchAttributes).find(
    ({ name, type }) => (customAttributes?.[name] ?? typeCodes[type]) !== typeCodes[type],
  );
  if (wrong !== undefined) {
    const problem = `the search attribute ${wrong.name} is registered with another type than ${wrong.type}`;
    throw new ExitError(
      exitCodes.usage,
      `${problem}: remove it with temporal operator search-attribute remove`,
    );
  }
  return Object.values(searchAttributes).filter(({ name }) => customAttributes?.[name] === undefined);
}

/**
 * Registers search attributes, and waits until they can be used.
 *
 * @throws Exit `usage` where a client may not do that
 */
export async function registerSearchAttributes(
  { client, config }: Session,
  attributes: readonly PipelineAttribute[],
): Promise<void> {
  const { namespace } = config.temporal;
  const types = Object.fromEntries(attributes.map(({ name, type }) => [name, typeCodes[type]]));
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

/** The server lets no client list or register search attributes, as Temporal Cloud does. */
export function isUnsupportedByServer(error: unknown): boolean {
  return isGrpcServiceError(error) && notAllowed.includes(error.code);
}
