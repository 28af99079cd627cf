import { status } from '@grpc/grpc-js';
import { isGrpcServiceError } from '@temporalio/client';
import { ExitError, exitCodes } from '../../exit.js';
import type { Session } from '../temporal/connect.js';
import { isUnsupportedByServer, missingSearchAttributes } from '../temporal/search-attribute-registry.js';
import type { CheckSuccess } from './doctor-report.js';

/** @throws Exit `usage` if there is no such namespace */
export async function checkNamespace({ client, config }: Session): Promise<CheckSuccess<true>> {
  const { namespace } = config.temporal;
  try {
    await client.workflowService.describeNamespace({ namespace });
  } catch (error) {
    if (!isGrpcServiceError(error) || error.code !== status.NOT_FOUND) throw error;
    throw new ExitError(
      exitCodes.usage,
      `TEMPORAL_NAMESPACE: there is no namespace "${namespace}": create it, or name another`,
    );
  }
  return { message: namespace, value: true };
}

/** Pipelines run without them, but nobody finds those that are held. */
export async function checkSearchAttributes(session: Session): Promise<CheckSuccess<undefined>> {
  try {
    const missing = await missingSearchAttributes(session);
    if (missing.length === 0) return { message: 'registered', value: undefined };
    const names = missing.map(({ name }) => name).join(', ');
    return {
      message: `not registered: ${names}: run bctrl-temporal setup`,
      isWarning: true,
      value: undefined,
    };
  } catch (error) {
    if (!isUnsupportedByServer(error)) throw error;
    return { message: 'not known: this Temporal lists them to no client', isWarning: true, value: undefined };
  }
}
