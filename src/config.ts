import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { BctrlClientOptions } from './bctrl/bctrl-client.js';
import { DEFAULT_BASE_URL, DEFAULT_MAX_REQUESTS, DEFAULT_REQUEST_TIMEOUT } from './bctrl/defaults.js';
import { ConfigError } from './config-error.js';
import { durationSchema, durationToMs } from './shared/duration.js';
import { DEFAULT_TASK_QUEUE } from './shared/names.js';
import type { Address } from './worker/address.js';
import type { LogConfig } from './worker/create-logger.js';
import type { TracingConfig } from './worker/start-tracing.js';

export type Environment = Readonly<Record<string, string | undefined>>;
type TemporalConfig = ReturnType<typeof loadClientConnectConfig>;

interface ConnectionConfig {
  readonly temporal: {
    readonly connectionOptions: TemporalConfig['connectionOptions'] & { readonly address: string };
    readonly namespace: string;
  };
  readonly taskQueue: string;
}

export interface StarterConfig extends ConnectionConfig {
  /** Where a browser finds the Temporal UI, without trailing slash. */
  readonly uiUrl: string | undefined;
}

export type BctrlConfig = BctrlClientOptions & { readonly baseUrl: string };

export interface WorkerConfig extends ConnectionConfig {
  readonly bctrl: BctrlConfig;
  /** Of all workers of the task queue together. */
  readonly maxTaskQueueActivitiesPerSecond: number | undefined;
  /** Without a format it depends on where the log goes. */
  readonly log: Omit<LogConfig, 'format'> & { readonly format: LogConfig['format'] | undefined };
  readonly metricsAddress: Address | undefined;
  readonly healthAddress: Address | undefined;
  readonly tracing: TracingConfig | undefined;
}

const DEFAULT_ADDRESS = 'localhost:7233';
/** Where `temporal server start-dev` serves the UI, unless told otherwise. */
const DEV_SERVER_UI_URL = 'http://localhost:8233';
const DEFAULT_SERVICE_NAME = 'bctrl-temporal-worker';
const CLOUD_UI_URL = 'https://cloud.temporal.io';

/** Adds the variables of a `.env` file in the working directory, where there is one, to those that are not set. */
export function loadEnvironment(): Environment {
  try {
    process.loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return process.env;
}

/** @throws ConfigError */
export function readStarterConfig(env: Environment): StarterConfig {
  const connection = readConnectionConfig(env);
  const { address } = connection.temporal.connectionOptions;
  const uiUrl = readUrl(env, 'BCTRL_TEMPORAL_UI_URL', DEV_SERVER_UI_URL) ?? knownUiUrl(address);
  return { ...connection, uiUrl };
}

/** @throws ConfigError */
export function readBctrlConfig(env: Environment): BctrlConfig {
  const baseUrl = readUrl(env, 'BCTRL_BASE_URL') ?? readUrl(env, 'BCTRL_API_BASE_URL') ?? DEFAULT_BASE_URL;
  return {
    apiKey: readHeaderValue(env, 'BCTRL_API_KEY') ?? missing('BCTRL_API_KEY', 'BCTRL_API_KEY=<your API key>'),
    baseUrl,
    subaccountId: readHeaderValue(env, 'BCTRL_SUBACCOUNT_ID'),
    requestTimeoutMs: readDurationMs(env, 'BCTRL_REQUEST_TIMEOUT', DEFAULT_REQUEST_TIMEOUT),
    maxRequests: readCount(env, 'BCTRL_MAX_REQUESTS', DEFAULT_MAX_REQUESTS),
  };
}

/** @throws ConfigError */
export function readWorkerConfig(env: Environment): WorkerConfig {
  const bctrl = readBctrlConfig(env);
  const maxTaskQueueActivitiesPerSecond = readRate(env, 'BCTRL_MAX_TASK_QUEUE_ACTIVITIES_PER_SECOND');
  return {
    ...readConnectionConfig(env),
    bctrl,
    maxTaskQueueActivitiesPerSecond,
    log: {
      format: readOneOf(env, 'BCTRL_LOG_FORMAT', ['json', 'pretty']),
      level: readOneOf(env, 'BCTRL_LOG_LEVEL', ['info', 'debug', 'warn', 'error']) ?? 'info',
    },
    metricsAddress: readAddress(env, 'BCTRL_METRICS_ADDRESS', '127.0.0.1:9464'),
    healthAddress: readAddress(env, 'BCTRL_HEALTH_ADDRESS', '127.0.0.1:8080'),
    tracing: readTracing(env),
  };
}

/** OpenTelemetry's own variables; the exporter reads those for headers, timeout and compression by itself. */
function readTracing(env: Environment): TracingConfig | undefined {
  const collector = readUrl(env, 'OTEL_EXPORTER_OTLP_ENDPOINT', 'http://localhost:4318');
  const url =
    readUrl(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'http://localhost:4318/v1/traces') ??
    (collector && `${collector}/v1/traces`);
  if (url === undefined) return undefined;
  return { url, serviceName: read(env, 'OTEL_SERVICE_NAME') ?? DEFAULT_SERVICE_NAME };
}

function readConnectionConfig(env: Environment): ConnectionConfig {
  const variables = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  let temporal: TemporalConfig;
  try {
    temporal = loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(variables) });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `TEMPORAL_* or temporal.toml: ${problem}; right is e.g. TEMPORAL_ADDRESS=${DEFAULT_ADDRESS}`,
    );
  }
  const { address = DEFAULT_ADDRESS } = temporal.connectionOptions;
  if (!/^[^\s/]+:\d+$/.test(address)) {
    throw wrong('TEMPORAL_ADDRESS', address, 'is not host:port', `TEMPORAL_ADDRESS=${DEFAULT_ADDRESS}`);
  }
  return {
    temporal: {
      connectionOptions: { ...temporal.connectionOptions, address },
      namespace: temporal.namespace ?? 'default',
    },
    taskQueue: read(env, 'BCTRL_TASK_QUEUE') ?? DEFAULT_TASK_QUEUE,
  };
}

function knownUiUrl(address: string): string | undefined {
  if (/^(localhost|127\.0\.0\.1|\[::1\]):7233$/.test(address)) return DEV_SERVER_UI_URL;
  return /\.(tmprl\.cloud|temporal\.io):\d+$/.test(address) ? CLOUD_UI_URL : undefined;
}

/** The value of a variable; an empty one counts as not set. */
function read(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

function readUrl(env: Environment, name: string, right = DEFAULT_BASE_URL): string | undefined {
  const value = read(env, name);
  if (value === undefined) return undefined;
  const example = `${name}=${right}`;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw wrong(name, value, 'is not an http or https URL', example);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new ConfigError(
      `${name}: a user, query or fragment does not belong there; right is e.g. ${example}`,
    );
  }
  return value.replace(/\/+$/, '');
}

function readOneOf<T extends string>(env: Environment, name: string, values: readonly T[]): T | undefined {
  const value = read(env, name);
  const known = values.find((known) => known === value);
  if (value === undefined || known !== undefined) return known;
  throw wrong(name, value, `is not one of ${values.join(', ')}`, `${name}=${values[0]}`);
}

function readAddress(env: Environment, name: string, right: string): Address | undefined {
  const value = read(env, name);
  if (value === undefined) return undefined;
  const [, ipv6, host = ipv6, port] = /^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(value) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw wrong(name, value, 'is not host:port', `${name}=${right}`);
  }
  return { host, port: Number(port) };
}

/** The value stays out of the message: it may be a secret. */
function readHeaderValue(env: Environment, name: string): string | undefined {
  const value = read(env, name);
  if (value === undefined || /^[\x21-\x7e]+$/.test(value)) return value;
  throw new ConfigError(
    `${name}: has characters that no header can carry; right is one word, e.g. ${name}=abc123`,
  );
}

function readDurationMs(env: Environment, name: string, fallback: string): number {
  const value = read(env, name) ?? fallback;
  const duration = durationSchema.safeParse(value).data;
  if (duration === undefined) throw wrong(name, value, 'is not a duration', `${name}=${fallback}`);
  return durationToMs(duration);
}

function readCount(env: Environment, name: string, fallback: number): number {
  const value = read(env, name) ?? String(fallback);
  if (!/^[1-9]\d{0,4}$/.test(value)) {
    throw wrong(name, value, 'is not a whole number from 1 to 99999', `${name}=${fallback}`);
  }
  return Number(value);
}

function readRate(env: Environment, name: string): number | undefined {
  const value = read(env, name);
  if (value === undefined) return undefined;
  if (!/^\d{1,5}(\.\d+)?$/.test(value) || Number(value) === 0) {
    throw wrong(name, value, 'is not a number above 0', `${name}=50`);
  }
  return Number(value);
}

function wrong(name: string, value: string, problem: string, example: string): ConfigError {
  return new ConfigError(`${name}: ${JSON.stringify(value)} ${problem}; right is e.g. ${example}`);
}

function missing(name: string, example: string): never {
  throw new ConfigError(`${name}: is not set; right is e.g. ${example}`);
}
