import type { WorkerDeploymentVersion } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { DEFAULT_LIST_SETTLE_TIME, MAX_LIST_SETTLE_TIME } from './activities/lookup-window.js';
import {
  type BctrlClientOptions,
  DEFAULT_BASE_URL,
  DEFAULT_MAX_REQUESTS,
  DEFAULT_REQUEST_TIMEOUT,
  isHeaderValue,
} from './bctrl/client-options.js';
import type { KeyRing } from './encryption/key-ring.js';
import { readEncryptionKeys } from './encryption-keys.js';
import {
  type Environment,
  invalid,
  notAHeaderValue,
  read,
  readCount,
  readDurationMs,
  readHeaderValue,
  readOneOf,
  readParsed,
  readRate,
  readUrl,
} from './environment.js';
import { ConfigError } from './exit.js';
import { type ListenAddress, parseListenAddress } from './listen-address.js';
import { readProxyUrl } from './proxy.js';
import { readSecretFile, type SecretFile } from './secret-file.js';
import { toMessage } from './shared/display-text.js';
import { DEFAULT_TASK_QUEUE } from './shared/names.js';

type TemporalConfig = ReturnType<typeof loadClientConnectConfig>;

interface ConnectionConfig {
  readonly temporal: {
    readonly connectionOptions: TemporalConfig['connectionOptions'] & { readonly address: string };
    readonly namespace: string;
    /** Has the API key of `connectionOptions`, and those that replace it. */
    readonly apiKeyFile?: SecretFile;
  };
  readonly taskQueue: string;
  /** Empty: nothing is encrypted. */
  readonly encryptionKeys: KeyRing;
}

export interface StarterConfig extends ConnectionConfig {
  /** The Temporal UI for a browser, without trailing slash. */
  readonly uiUrl: string | undefined;
}

export interface BctrlConfig extends BctrlClientOptions {
  readonly baseUrl: string;
  /** Has the API key, and those that replace it. */
  readonly apiKeyFile?: SecretFile;
}

export interface WorkerConfig extends ConnectionConfig {
  readonly bctrl: BctrlConfig;
  /** How long a new file may be missing from the API's listing. */
  readonly listSettleTimeMs: number;
  /** A limit for all workers of the task queue together. */
  readonly maxTaskQueueActivitiesPerSecond: number | undefined;
  /** How long requests in flight may go on when the worker is asked to stop. */
  readonly shutdownGraceTimeMs: number;
  /** Workflows that stay in memory between their tasks. Default: what fits into the memory, at most 1,000. */
  readonly maxCachedWorkflows: number | undefined;
  /** The Worker Deployment Version. Default: the worker is not versioned. */
  readonly deploymentVersion: WorkerDeploymentVersion | undefined;
  readonly log: LogConfig;
  readonly metricsAddress: ListenAddress | undefined;
  readonly healthAddress: ListenAddress | undefined;
  readonly tracing: TracingConfig | undefined;
}

export interface LogConfig {
  /** Default: `pretty` for a terminal, else `json`, which is one object per line. */
  readonly format: 'json' | 'pretty' | undefined;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
}

export interface TracingConfig {
  /** Where the collector takes traces as OTLP over HTTP, in JSON. */
  readonly url: string;
  readonly serviceName: string;
}

const DEFAULT_ADDRESS = 'localhost:7233';
/** The default of `temporal server start-dev`. */
const DEV_SERVER_UI_URL = 'http://localhost:8233';
const DEFAULT_SERVICE_NAME = 'bctrl-temporal-worker';
export const CLOUD_UI_URL = 'https://cloud.temporal.io';

/** Far above any response time, and far below 24.8 days, from where a Node timer fires at once. */
const MAX_REQUEST_TIMEOUT = '24h';

/** With what follows it, the shutdown takes less than the 30 seconds that Kubernetes waits before it kills a container. */
const DEFAULT_SHUTDOWN_GRACE_TIME = '20s';

/** Longer than any request may take. */
const MAX_SHUTDOWN_GRACE_TIME = '24h';

/** @throws ConfigError */
export function readStarterConfig(env: Environment): StarterConfig {
  const connection = readConnectionConfig(env);
  const { address } = connection.temporal.connectionOptions;
  const uiUrl = readUrl(env, 'BCTRL_TEMPORAL_UI_URL', DEV_SERVER_UI_URL) ?? knownUiUrl(address);
  return { ...connection, uiUrl };
}

function knownUiUrl(address: string): string | undefined {
  if (/^(localhost|127\.0\.0\.1|\[::1\]):7233$/.test(address)) return DEV_SERVER_UI_URL;
  return /\.(tmprl\.cloud|temporal\.io):\d+$/.test(address) ? CLOUD_UI_URL : undefined;
}

/** @throws ConfigError */
export function readBctrlConfig(env: Environment): BctrlConfig {
  const baseUrl =
    readUrl(env, 'BCTRL_BASE_URL', DEFAULT_BASE_URL) ??
    readUrl(env, 'BCTRL_API_BASE_URL', DEFAULT_BASE_URL) ??
    DEFAULT_BASE_URL;
  return {
    ...readApiKey(env),
    baseUrl,
    proxyUrl: readProxyUrl(env, new URL(baseUrl)),
    subaccountId: readHeaderValue(env, 'BCTRL_SUBACCOUNT_ID'),
    requestTimeoutMs: readDurationMs(
      env,
      'BCTRL_REQUEST_TIMEOUT',
      DEFAULT_REQUEST_TIMEOUT,
      MAX_REQUEST_TIMEOUT,
    ),
    maxRequests: readCount(env, 'BCTRL_MAX_REQUESTS', DEFAULT_MAX_REQUESTS),
  };
}

function readApiKey(env: Environment): Pick<BctrlConfig, 'apiKey' | 'apiKeyFile'> {
  const apiKeyFile = readSecretFile(env, 'BCTRL_API_KEY_FILE', 'BCTRL_API_KEY');
  if (apiKeyFile !== undefined) {
    const apiKey = (refused?: string) => (refused === undefined ? apiKeyFile.value : apiKeyFile.refresh());
    return { apiKey, apiKeyFile };
  }
  const apiKey = readHeaderValue(env, 'BCTRL_API_KEY');
  if (apiKey === undefined) throw invalid('BCTRL_API_KEY', 'is not set', '<your API key>');
  return { apiKey };
}

/** @throws ConfigError */
export function readWorkerConfig(env: Environment): WorkerConfig {
  return {
    bctrl: readBctrlConfig(env),
    maxTaskQueueActivitiesPerSecond: readRate(env, 'BCTRL_MAX_TASK_QUEUE_ACTIVITIES_PER_SECOND'),
    maxCachedWorkflows: readMaxCachedWorkflows(env),
    deploymentVersion: readDeploymentVersion(env),
    ...readConnectionConfig(env),
    shutdownGraceTimeMs: readDurationMs(
      env,
      'BCTRL_SHUTDOWN_GRACE_TIME',
      DEFAULT_SHUTDOWN_GRACE_TIME,
      MAX_SHUTDOWN_GRACE_TIME,
    ),
    listSettleTimeMs: readListSettleTimeMs(env),
    log: {
      format: readOneOf(env, 'BCTRL_LOG_FORMAT', ['json', 'pretty']),
      level: readOneOf(env, 'BCTRL_LOG_LEVEL', ['info', 'debug', 'warn', 'error']) ?? 'info',
    },
    metricsAddress: readAddress(env, 'BCTRL_METRICS_ADDRESS', '127.0.0.1:9464'),
    healthAddress: readAddress(env, 'BCTRL_HEALTH_ADDRESS', '127.0.0.1:8080'),
    tracing: readTracing(env),
  };
}

/** The SDK's smallest cache has two workflows. */
function readMaxCachedWorkflows(env: Environment): number | undefined {
  const name = 'BCTRL_MAX_CACHED_WORKFLOWS';
  return readParsed(env, name, 'is not a whole number from 2 to 99999', '1000', (value) =>
    /^([2-9]|[1-9]\d{1,4})$/.test(value) ? Number(value) : undefined,
  );
}

/**
 * Reads the variables that Temporal's Worker Controller sets. Temporal lets a worker with a wrong name poll, but never gives it
 * a task.
 */
function readDeploymentVersion(env: Environment): WorkerDeploymentVersion | undefined {
  const nameVariable = 'TEMPORAL_DEPLOYMENT_NAME';
  const idVariable = 'TEMPORAL_WORKER_BUILD_ID';
  const nameProblem = 'has more than 255 characters, one of . : or __ at the beginning';
  const deploymentName = readParsed(env, nameVariable, nameProblem, 'bctrl-files', (value) =>
    /^(?!__)[^.:]{1,255}$/.test(value) ? value : undefined,
  );
  const idProblem = 'has more than 255 characters, or __ at the beginning';
  const buildId = readParsed(env, idVariable, idProblem, '1.4.0', (value) =>
    /^(?!__).{1,255}$/.test(value) ? value : undefined,
  );
  if (deploymentName !== undefined && buildId !== undefined) return { deploymentName, buildId };
  if (deploymentName !== undefined) throw invalid(idVariable, `is not set, but ${nameVariable} is`, '1.4.0');
  if (buildId !== undefined) throw invalid(nameVariable, `is not set, but ${idVariable} is`, 'bctrl-files');
  return undefined;
}

function readAddress(env: Environment, name: string, example: string): ListenAddress | undefined {
  return readParsed(env, name, 'is not host:port', example, parseListenAddress);
}

/**
 * How long a new file may be missing from the API's listing.
 *
 * @throws ConfigError
 */
export function readListSettleTimeMs(env: Environment): number {
  return readDurationMs(env, 'BCTRL_LIST_SETTLE_TIME', DEFAULT_LIST_SETTLE_TIME, MAX_LIST_SETTLE_TIME);
}

/** Reads OpenTelemetry's own variables. The exporter reads those for headers, timeout and compression itself. */
function readTracing(env: Environment): TracingConfig | undefined {
  const collector = readUrl(env, 'OTEL_EXPORTER_OTLP_ENDPOINT', 'http://localhost:4318');
  const url =
    readUrl(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'http://localhost:4318/v1/traces') ??
    (collector && `${collector}/v1/traces`);
  if (url === undefined) return undefined;
  return { url, serviceName: read(env, 'OTEL_SERVICE_NAME') ?? DEFAULT_SERVICE_NAME };
}

function readConnectionConfig(env: Environment): ConnectionConfig {
  const apiKeyFile = readSecretFile(env, 'TEMPORAL_API_KEY_FILE', 'TEMPORAL_API_KEY');
  const { connectionOptions, namespace = 'default' } = loadTemporalConfig({
    ...env,
    ...(apiKeyFile && { TEMPORAL_API_KEY: apiKeyFile.value }),
  });
  const { address = DEFAULT_ADDRESS, apiKey, metadata = {} } = connectionOptions;
  if (!/^([\w.-]+|\[[\da-f:.]+\]):\d+$/i.test(address)) {
    throw invalid('TEMPORAL_ADDRESS', 'is not host:port', DEFAULT_ADDRESS);
  }
  if (apiKey !== undefined && !isHeaderValue(apiKey)) throw notAHeaderValue('TEMPORAL_API_KEY');
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value === 'string' && /^[\x20-\x7e]*$/.test(value)) continue;
    throw notAHeaderValue(`TEMPORAL_GRPC_META_${name.toUpperCase().replaceAll('-', '_')}`);
  }
  return {
    temporal: {
      connectionOptions: { ...connectionOptions, address },
      namespace,
      ...(apiKeyFile && { apiKeyFile }),
    },
    taskQueue: read(env, 'BCTRL_TASK_QUEUE') ?? DEFAULT_TASK_QUEUE,
    encryptionKeys: readEncryptionKeys(env, 'BCTRL_ENCRYPTION_KEYS_FILE'),
  };
}

function loadTemporalConfig(env: Environment): TemporalConfig {
  try {
    return loadClientConnectConfig({
      overrideEnvVars: Object.fromEntries(Object.entries(env).filter(isSet)),
    });
  } catch (error) {
    throw new ConfigError(describeTemporalConfigError(error, env));
  }
}

/** An empty variable counts as not set, except TEMPORAL_GRPC_META_*, where it removes a header. */
function isSet(variable: [name: string, value: string | undefined]): variable is [string, string] {
  const [name, value] = variable;
  return value !== undefined && (value !== '' || name.startsWith('TEMPORAL_GRPC_META_'));
}

/** The SDK's own message may quote the file with its keys, or a variable that holds a key by mistake. */
function describeTemporalConfigError(error: unknown, env: Environment): string {
  const message = toMessage(error);
  const { code, path, line, column }: Record<string, unknown> = error instanceof Error ? { ...error } : {};
  const file = read(env, 'TEMPORAL_CONFIG_FILE') === undefined ? 'temporal.toml' : 'TEMPORAL_CONFIG_FILE';
  if (line !== undefined) return `${file}: is not TOML at line ${line}, column ${column}`;
  if (code !== undefined) {
    const name = Object.keys(env).find((name) => name.startsWith('TEMPORAL_') && env[name] === path);
    return `${name ?? file}: cannot read the file that it names (${code})`;
  }
  if (/^Profile .* not found/s.test(message)) return 'TEMPORAL_PROFILE: there is no such profile';
  const [both] = /^Cannot specify both \w+ and \w+$/.exec(message) ?? [];
  return `TEMPORAL_TLS_* or ${file}: ${both ?? 'is not a valid Temporal client configuration'}`;
}
