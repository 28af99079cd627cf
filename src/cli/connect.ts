import { Client, Connection, ServiceError } from '@temporalio/client';
import { NamespaceNotFoundError, WorkflowNotFoundError } from '@temporalio/common';
import { loadEnvironment, readStarterConfig, type StarterConfig } from '../config.js';
import { Exit, exitCodes } from '../exit.js';

/** A server on the way answers in milliseconds; someone at a terminal should not wait longer to read that there is none. */
const CONNECT_TIMEOUT = '5s';

export interface Session {
  readonly client: Client;
  readonly config: StarterConfig;
}

/**
 * Runs a command with a connection to Temporal, as the environment says.
 *
 * @throws Exit `unreachable` when there is none, or when it is lost
 */
export async function withTemporal<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const config = readStarterConfig(loadEnvironment());
  const { namespace, connectionOptions } = config.temporal;
  const address = connectionOptions.address ?? 'localhost:7233';
  let connection: Connection;
  try {
    connection = await Connection.connect({ ...connectionOptions, connectTimeout: CONNECT_TIMEOUT });
  } catch (error) {
    throw new Exit(exitCodes.unreachable, `Temporal at ${address} is not reachable (${messageOf(error)})`);
  }
  try {
    return await work({ client: new Client({ connection, namespace }), config });
  } catch (error) {
    throw toExit(error, address) ?? error;
  } finally {
    await connection.close();
  }
}

function toExit(error: unknown, address: string): Exit | undefined {
  if (error instanceof WorkflowNotFoundError) {
    return new Exit(exitCodes.usage, `there is no workflow with the id "${error.workflowId}"`);
  }
  if (error instanceof NamespaceNotFoundError) {
    return new Exit(exitCodes.usage, `TEMPORAL_NAMESPACE: there is no namespace "${error.namespace}"`);
  }
  if (error instanceof ServiceError) {
    return new Exit(exitCodes.unreachable, `Temporal at ${address}: ${messageOf(error.cause ?? error)}`);
  }
  return undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
