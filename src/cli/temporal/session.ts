import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  isGrpcServiceError,
  makeGrpcRetryInterceptor,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { NamespaceNotFoundError, WorkflowNotFoundError } from '@temporalio/common';
import { grpcStatus } from '../../client/grpc-status.js';
import { readStarterConfig, type StarterConfig } from '../../config.js';
import { toDataConverter } from '../../create-encryption.js';
import { DecryptionError } from '../../encryption/encryption-codec.js';
import { ExitError, exitCodes } from '../../exit.js';
import { isWithoutProxy } from '../../proxy.js';
import { toMessage } from '../../shared/display-text.js';
import type { Io } from '../io.js';
import { toCommand } from '../output/command.js';

/** A reachable server connects in milliseconds; a person should not wait longer to read that there is none. */
const CONNECT_TIMEOUT = '5s';

/** Caps gRPC's reconnect backoff of up to two minutes: a waiting command continues soon after an outage. */
const MAX_RECONNECT_BACKOFF_MS = 5_000;

/** Statuses with which a reachable Temporal server refuses a request. */
const refusals: readonly number[] = [
  grpcStatus.INVALID_ARGUMENT,
  grpcStatus.NOT_FOUND,
  grpcStatus.PERMISSION_DENIED,
  grpcStatus.FAILED_PRECONDITION,
  grpcStatus.UNIMPLEMENTED,
  grpcStatus.UNAUTHENTICATED,
];

/** Statuses that a retry does not change. */
const finalStatuses: readonly number[] = [
  grpcStatus.NOT_FOUND,
  grpcStatus.PERMISSION_DENIED,
  grpcStatus.UNAUTHENTICATED,
];

/** A connection to Temporal and its configuration. */
export interface Session {
  readonly client: Client & { readonly connection: Connection };
  readonly config: StarterConfig;
  /**
   * Turns off the SDK's retries for all further calls. They cannot be cancelled: a retry that is due after the connection was
   * closed throws where no caller can catch it.
   */
  readonly stopRetries: () => void;
}

/**
 * Runs a command with a connection to the Temporal server of `io.env`.
 *
 * @throws ExitError `unreachable` if the server cannot be reached or the connection is lost
 */
export async function withTemporal<T>({ env }: Io, work: (session: Session) => Promise<T>): Promise<T> {
  const config = readStarterConfig(env);
  const session = await connect(config).catch((error: unknown) => {
    if (!(error instanceof ExitError)) throw error;
    const hint = `is it running, and TEMPORAL_ADDRESS right? See ${toCommand('doctor')}`;
    throw new ExitError(error.code, `${error.message}: ${hint}`);
  });
  try {
    return await work(session);
  } catch (error) {
    throw toExitError(error, config) ?? error;
  } finally {
    await session.client.connection.close();
  }
}

/** @throws ExitError `unreachable` */
export async function connect(config: StarterConfig): Promise<Session> {
  const { connectionOptions, namespace, apiKeyFile } = config.temporal;
  const retryOptions = defaultGrpcRetryOptions();
  try {
    const connection = await Connection.connect({
      ...connectionOptions,
      // For a command that waits for hours. Reading the file costs nothing beside a call.
      ...(apiKeyFile && { apiKey: () => apiKeyFile.refresh() }),
      connectTimeout: CONNECT_TIMEOUT,
      channelArgs: {
        'grpc.max_reconnect_backoff_ms': MAX_RECONNECT_BACKOFF_MS,
        // gRPC would use the proxy of the environment even for a Temporal server on this machine.
        'grpc.enable_http_proxy': isWithoutProxy(new URL(`http://${connectionOptions.address}`), '') ? 0 : 1,
      },
      interceptors: [makeGrpcRetryInterceptor(retryOptions)],
    });
    const stopRetries = () => {
      retryOptions.retryableDecider = () => false;
    };
    const dataConverter = toDataConverter(config.encryptionKeys);
    const client = new Client({ connection, namespace, dataConverter });
    return { client: Object.assign(client, { connection }), config, stopRetries };
  } catch (error) {
    throw new ExitError(exitCodes.unreachable, describeOutage(error, config));
  }
}

/** The address of a workflow in the Temporal UI, if the UI's own address is known. */
export function uiLink({ config: { uiUrl, temporal } }: Session, workflowId: string): string | undefined {
  if (uiUrl === undefined) return undefined;
  const [namespace, id] = [temporal.namespace, workflowId].map(encodeURIComponent);
  return `${uiUrl}/namespaces/${namespace}/workflows/${id}`;
}

/** Whether a later call may succeed: the server is unreachable, restarting or overloaded. */
export function isOutage(error: unknown): boolean {
  const cause = unwrap(error);
  return isGrpcServiceError(cause) && !finalStatuses.includes(cause.code);
}

/** Whether the server refused a call with this status of gRPC. */
export function hasStatus(error: unknown, status: number): boolean {
  const cause = unwrap(error);
  return isGrpcServiceError(cause) && cause.code === status;
}

export function describeOutage(error: unknown, { temporal }: StarterConfig): string {
  const { address } = temporal.connectionOptions;
  return `Temporal at ${address} is not reachable (${toMessage(unwrap(error))})`;
}

/** Converts an error of the client; returns `undefined` for any other error. */
export function toExitError(error: unknown, { temporal }: StarterConfig): ExitError | undefined {
  if (error instanceof ExitError) return error;
  if (error instanceof DecryptionError) return new ExitError(exitCodes.usage, error.message);
  if (error instanceof WorkflowNotFoundError) {
    return new ExitError(exitCodes.usage, `there is no workflow with the id "${error.workflowId}"`);
  }
  if (error instanceof NamespaceNotFoundError) {
    return new ExitError(exitCodes.usage, `TEMPORAL_NAMESPACE: there is no namespace "${error.namespace}"`);
  }
  if (error instanceof WorkflowExecutionAlreadyStartedError || error instanceof WorkflowUpdateFailedError) {
    return new ExitError(exitCodes.usage, error.message);
  }
  const cause = unwrap(error);
  if (!isGrpcServiceError(cause) && !(error instanceof ServiceError)) return undefined;
  const isRefusal = isGrpcServiceError(cause) && refusals.includes(cause.code);
  const { address } = temporal.connectionOptions;
  return new ExitError(
    isRefusal ? exitCodes.usage : exitCodes.unreachable,
    `Temporal at ${address}: ${toMessage(cause)}`,
  );
}

/** The error of gRPC, which the SDK's client wraps. */
function unwrap(error: unknown): unknown {
  return error instanceof ServiceError ? (error.cause ?? error) : error;
}
