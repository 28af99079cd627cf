import { status } from '@grpc/grpc-js';
import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  isGrpcServiceError,
  makeGrpcRetryInterceptor,
  ServiceError,
} from '@temporalio/client';
import { NamespaceNotFoundError, WorkflowNotFoundError } from '@temporalio/common';
import { readStarterConfig, type StarterConfig } from '../../config.js';
import { loadEnvironment } from '../../environment.js';
import { ExitError, exitCodes } from '../../exit.js';
import { isWithoutProxy } from '../../proxy.js';

/** A server on the way answers in milliseconds; someone at a terminal should not wait longer to read that there is none. */
const CONNECT_TIMEOUT = '5s';

/** gRPC waits longer and longer, up to two minutes, before it looks for a lost server again. Nobody at a terminal should. */
const MAX_RECONNECT_BACKOFF_MS = 5_000;

/** Statuses with which a Temporal server that is there refuses a request. */
const refusals: readonly number[] = [
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.UNIMPLEMENTED,
  status.UNAUTHENTICATED,
];

/** Statuses that waiting does not change. */
const finalStatuses: readonly number[] = [status.NOT_FOUND, status.PERMISSION_DENIED, status.UNAUTHENTICATED];

export interface Session {
  readonly client: Client & { readonly connection: Connection };
  readonly config: StarterConfig;
  /**
   * Leaves the retries of all further calls to the caller. The SDK's own cannot be cancelled: one that is due after the
   * connection was closed throws where nobody can catch it.
   */
  readonly stopRetries: () => void;
}

/**
 * Runs a command with a connection to Temporal, as the environment says.
 *
 * @throws Exit `unreachable` when there is none, or when it is lost
 */
export async function withTemporal<T>(work: (session: Session) => Promise<T>): Promise<T> {
  const config = readStarterConfig(loadEnvironment());
  const session = await connect(config);
  try {
    return await work(session);
  } catch (error) {
    throw toExitError(error, config) ?? error;
  } finally {
    await session.client.connection.close();
  }
}

/** @throws Exit `unreachable` */
export async function connect(config: StarterConfig): Promise<Session> {
  const { connectionOptions, namespace } = config.temporal;
  const retryOptions = defaultGrpcRetryOptions();
  try {
    const connection = await Connection.connect({
      ...connectionOptions,
      connectTimeout: CONNECT_TIMEOUT,
      channelArgs: {
        'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_BACKOFF_MS,
        // gRPC reads the variables of proxies itself, and would ask one for a Temporal on this machine.
        'grpc.enable_http_proxy': isWithoutProxy(new URL(`http://${connectionOptions.address}`), '') ? 0 : 1,
      },
      interceptors: [makeGrpcRetryInterceptor(retryOptions)],
    });
    const stopRetries = () => {
      retryOptions.retryableDecider = () => false;
    };
    const client = new Client({ connection, namespace });
    return { client: Object.assign(client, { connection }), config, stopRetries };
  } catch (error) {
    throw new ExitError(exitCodes.unreachable, describeOutage(error, config));
  }
}

/** An error of the SDK's client that a later call may not meet: Temporal is away, restarts, or has too much to do. */
export function isOutage(error: unknown): boolean {
  const cause = grpcErrorOf(error);
  return cause !== undefined && !finalStatuses.includes(cause.code);
}

export function describeOutage(error: unknown, { temporal }: StarterConfig): string {
  const { address } = temporal.connectionOptions;
  return `Temporal at ${address} is not reachable (${messageOf(grpcErrorOf(error) ?? error)})`;
}

function grpcErrorOf(error: unknown) {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) ? cause : undefined;
}

/** What an error of the SDK's client means to a user; `undefined` for one that is none of its. */
export function toExitError(error: unknown, { temporal }: StarterConfig): ExitError | undefined {
  if (error instanceof ExitError) return error;
  if (error instanceof WorkflowNotFoundError) {
    return new ExitError(exitCodes.usage, `there is no workflow with the id "${error.workflowId}"`);
  }
  if (error instanceof NamespaceNotFoundError) {
    return new ExitError(exitCodes.usage, `TEMPORAL_NAMESPACE: there is no namespace "${error.namespace}"`);
  }
  const cause = error instanceof ServiceError ? error.cause : error;
  if (isGrpcServiceError(cause) || error instanceof ServiceError) {
    const code =
      isGrpcServiceError(cause) && refusals.includes(cause.code) ? exitCodes.usage : exitCodes.unreachable;
    return new ExitError(
      code,
      `Temporal at ${temporal.connectionOptions.address}: ${messageOf(cause ?? error)}`,
    );
  }
  return undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
