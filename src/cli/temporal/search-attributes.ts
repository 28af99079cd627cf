import { setTimeout as sleep } from 'node:timers/promises';
import { grpcStatus } from '../../client/grpc-status.js';
import {
  findUnusableSearchAttributes,
  indexedValueTypes,
  isUnknownSearchAttribute,
  type PipelineAttribute,
} from '../../client/search-attributes.js';
import { ExitError, exitCodes } from '../../exit.js';
import { visibilityQuery } from '../../shared/search-attributes.js';
import { hasStatus, type Session } from './session.js';

/** A server refreshes its cache of search attributes within seconds. */
const USABLE_WITHIN_MS = 30_000;
const POLL_MS = 200;

/**
 * Returns the search attributes of pipelines that the namespace lacks.
 *
 * @throws ExitError `usage` if one is registered with another type
 */
export async function findMissingSearchAttributes({
  client,
}: Session): Promise<readonly PipelineAttribute[]> {
  const { missing, mistyped } = await findUnusableSearchAttributes(client);
  const [wrong] = mistyped;
  if (wrong !== undefined) {
    const problem = `search attribute ${wrong.name} is registered with a type other than ${wrong.type}`;
    throw new ExitError(
      exitCodes.usage,
      `${problem}: remove it with temporal operator search-attribute remove`,
    );
  }
  return missing;
}

/** Registers search attributes and waits until queries can use them. */
export async function registerSearchAttributes(
  { client, config }: Session,
  attributes: readonly PipelineAttribute[],
): Promise<void> {
  const { namespace } = config.temporal;
  const types = Object.fromEntries(attributes.map(({ name, type }) => [name, indexedValueTypes[type]]));
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
  return hasStatus(error, grpcStatus.PERMISSION_DENIED) || hasStatus(error, grpcStatus.UNIMPLEMENTED);
}
