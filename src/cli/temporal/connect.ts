import { Client, Connection, isGrpcServiceError, ServiceError } from '@temporalio/client';
import { NamespaceNotFoundError, WorkflowNotFoundError } from '@temporalio/common';
import { loadEnvironment, readStarterConfig, type StarterConfig } from '../../config.js';
import { Exit, exitCodes } from '../../exit.js';
import { grpcStatus } from '../../grpc-status.js';

/** A server on the way answers in milliseconds; someone at a terminal should not wait longer to read that there is none. */
const CONNECT_TIMEOUT = '5s';

const refusals: ReadonlySet<number> = new Set(Object.values(grpcStatus));

export interface Session {
  readonly client: Client & { readonly connection: Connection };
  readonly config: StarterConfig;
}

/**
 * Runs a command with a connection to Temporal, as the environment says.
 *
 * @throws Exit `unreachable` when there is none, or when it is lost
 */
export async function withTemporal<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const config = readStarterConfig(loadEnvironment());
  const connection = await connect(config);
  try {
    return await work(toSession(connection, config));
  } catch (error) {
    throw toExit(error, config) ?? error;
  } finally {
    await connection.close();
  }
}

export function toSession(connection: Connection, config: StarterConfig): Session {
  const client = new Client({ connection, namespace: config.temporal.namespace });
  return { client: Object.assign(client, { connection }), config };
}

/** @throws Exit `unreachable` */
export async function connect({ temporal: { connectionOptions } }: StarterConfig): Promise<Connection> {
  try {
    return await Connection.connect({ ...connectionOptions, connectTimeout: CONNECT_TIMEOUT });
  } catch (error) {
    const { address } = connectionOptions;
    throw new Exit(exitCodes.unreachable, `Temporal at ${address} is not reachable (${messageOf(error)})`);
  }
}

/** What an error of the SDK's client means to a user; `undefined` for one that is none of its. */
export function toExit(error: unknown, { temporal }: StarterConfig): Exit | undefined {
  if (error instanceof Exit) return error;
  if (error instanceof WorkflowNotFoundError) {
    return new Exit(exitCodes.usage, `there is no workflow with the id "${error.workflowId}"`);
  }
  if (error instanceof NamespaceNotFoundError) {
    return new Exit(exitCodes.usage, `TEMPORAL_NAMESPACE: there is no namespace "${error.namespace}"`);
  }
  const cause = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(cause) || error instanceof ServiceError) {
    const code =
      isGrpcServiceError(cause) && refusals.has(cause.code) ? exitCodes.usage : exitCodes.unreachable;
    return new Exit(code, `Temporal at ${temporal.connectionOptions.address}: ${messageOf(cause ?? error)}`);
  }
  return undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
