import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { BctrlClientOptions } from './bctrl/bctrl-client.js';
import {
  DEFAULT_BASE_URL,
  DEFAULT_LIST_SETTLE_TIME,
  DEFAULT_MAX_REQUESTS,
  DEFAULT_REQUEST_TIMEOUT,
  MAX_LIST_SETTLE_TIME,
} from './bctrl/defaults.js';
import { ConfigError } from './config-error.js';
import { isWithoutProxy } from './no-proxy.js';
import { type Duration, durationSchema, durationToMs } from './shared/duration.js';
import { DEFAULT_TASK_QUEUE } from './shared/names.js';
import type { ListenAddress } from './worker/address.js';
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
  /** How long the API's listing may take to show a file that was made. */
  readonly listSettleTimeMs: number;
  /** Of all workers of the task queue together. */
  readonly maxTaskQueueActivitiesPerSecond: number | undefined;
  /** Without a format it depends on where the log goes. */
  readonly log: Omit<LogConfig, 'format'> & { readonly format: LogConfig['format'] | undefined };
  readonly metricsAddress: ListenAddress | undefined;
  readonly healthAddress: ListenAddress | undefined;
  readonly tracing: TracingConfig | undefined;
}

const DEFAULT_ADDRESS = 'localhost:7233';
/** Where `temporal server start-dev` serves the UI, unless told otherwise. */
const DEV_SERVER_UI_URL = 'http://localhost:8233';
const DEFAULT_SERVICE_NAME = 'bctrl-temporal-worker';
const CLOUD_UI_URL = 'https://cloud.temporal.io';

/** No answer takes longer. A Node timer that is asked for more than 24.8 days ends at once. */
const MAX_REQUEST_TIMEOUT = '24h';

/** Adds the variables of a `.env` file in the working directory, where there is one, to those that are not set. */
export function loadEnvironment(): Environment {
  try {
    process.loadEnvFile();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new ConfigError(`.env: cannot be read (${code})`);
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
    proxyUrl: readProxyUrl(env, new URL(baseUrl)),
    apiKey:
      readHeaderValue(env, 'BCTRL_API_KEY') ?? throwMissing('BCTRL_API_KEY', 'BCTRL_API_KEY=<your API key>'),
    baseUrl,
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

/** @throws ConfigError */
export function readWorkerConfig(env: Environment): WorkerConfig {
  const bctrl = readBctrlConfig(env);
  const maxTaskQueueActivitiesPerSecond = readRate(env, 'BCTRL_MAX_TASK_QUEUE_ACTIVITIES_PER_SECOND');
  return {
    ...readConnectionConfig(env),
    bctrl,
    listSettleTimeMs: readDurationMs(
      env,
      'BCTRL_LIST_SETTLE_TIME',
      DEFAULT_LIST_SETTLE_TIME,
      MAX_LIST_SETTLE_TIME,
    ),
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
  const variables = Object.entries(env).filter(isSet);
  let temporal: TemporalConfig;
  try {
    temporal = loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(variables) });
  } catch (error) {
    throw new ConfigError(describeTemporalConfigError(error, env));
  }
  const { address = DEFAULT_ADDRESS, apiKey, metadata = {} } = temporal.connectionOptions;
  if (!/^([\w.-]+|\[[\da-f:.]+\]):\d+$/i.test(address)) {
    throw invalid('TEMPORAL_ADDRESS', 'is not host:port', `TEMPORAL_ADDRESS=${DEFAULT_ADDRESS}`);
  }
  if (apiKey !== undefined && !isHeaderValue(apiKey)) throw noHeaderValue('TEMPORAL_API_KEY');
  for (const [name, value] of Object.entries(metadata)) {
    if (typeof value === 'string' && /^[\x20-\x7e]*$/.test(value)) continue;
    throw noHeaderValue(`TEMPORAL_GRPC_META_${name.toUpperCase().replaceAll('-', '_')}`);
  }
  return {
    temporal: {
      connectionOptions: { ...temporal.connectionOptions, address },
      namespace: temporal.namespace ?? 'default',
    },
    taskQueue: read(env, 'BCTRL_TASK_QUEUE') ?? DEFAULT_TASK_QUEUE,
  };
}

/** An empty variable counts as not set, except where it takes a header away. */
function isSet(variable: [name: string, value: string | undefined]): variable is [string, string] {
  const [name, value] = variable;
  return value !== undefined && (value !== '' || name.startsWith('TEMPORAL_GRPC_META_'));
}

/** What the SDK has to say of it may quote the file, a key included, or a variable that has a key in the wrong place. */
function describeTemporalConfigError(error: unknown, env: Environment): string {
  const { code, path, message, line, column } = error as Partial<
    NodeJS.ErrnoException & { line: number; column: number }
  >;
  const file = read(env, 'TEMPORAL_CONFIG_FILE') === undefined ? 'temporal.toml' : 'TEMPORAL_CONFIG_FILE';
  if (line !== undefined) return `${file}: is not TOML at line ${line}, column ${column}`;
  if (code !== undefined) {
    const name = Object.keys(env).find((name) => name.startsWith('TEMPORAL_') && env[name] === path);
    return `${name ?? file}: names a file that cannot be read (${code})`;
  }
  if (/^Profile .* not found/s.test(message ?? '')) return 'TEMPORAL_PROFILE: there is no such profile';
  const [both] = /^Cannot specify both \w+ and \w+$/.exec(message ?? '') ?? [];
  return `TEMPORAL_TLS_* or ${file}: ${both ?? 'is no configuration of a Temporal client'}`;
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

function readUrl(env: Environment, name: string, exampleUrl = DEFAULT_BASE_URL): string | undefined {
  const value = read(env, name);
  if (value === undefined) return undefined;
  const example = `${name}=${exampleUrl}`;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalid(name, 'is not an http or https URL', example);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw invalid(name, 'has a user, query or fragment, which does not belong there', example);
  }
  return value.replace(/\/+$/, '');
}

/** As curl reads it: lower case wins, and the scheme of the proxy may be left out. */
function readProxyUrl(env: Environment, url: URL): string | undefined {
  const upper = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const name = [upper.toLowerCase(), upper].find((name) => read(env, name) !== undefined);
  const noProxy = read(env, 'no_proxy') ?? read(env, 'NO_PROXY') ?? '';
  if (name === undefined || isWithoutProxy(url, noProxy)) return undefined;
  const value = read(env, name) ?? '';
  const proxyUrl = value.includes('://') ? value : `http://${value}`;
  if (isProxyUrl(proxyUrl)) return proxyUrl;
  throw invalid(name, 'is not the http or https URL of a proxy', `${name}=http://proxy.example:3128`);
}

function isProxyUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return /^https?:$/.test(protocol) && [username, password].every(isPercentEncoded);
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function readOneOf<T extends string>(env: Environment, name: string, values: readonly T[]): T | undefined {
  const value = read(env, name);
  const known = values.find((known) => known === value);
  if (value === undefined || known !== undefined) return known;
  throw invalid(name, `is not one of ${values.join(', ')}`, `${name}=${values[0]}`);
}

function readAddress(env: Environment, name: string, example: string): ListenAddress | undefined {
  const value = read(env, name);
  if (value === undefined) return undefined;
  const [, ipv6, host = ipv6, port] = /^(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(value) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    throw invalid(name, 'is not host:port', `${name}=${example}`);
  }
  return { host, port: Number(port) };
}

function readHeaderValue(env: Environment, name: string): string | undefined {
  const value = read(env, name);
  if (value === undefined || isHeaderValue(value)) return value;
  throw noHeaderValue(name);
}

function isHeaderValue(value: unknown): boolean {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value);
}

function noHeaderValue(name: string): ConfigError {
  return new ConfigError(
    `${name}: has characters that no header can carry; right is one word, e.g. ${name}=abc123`,
  );
}

function readDurationMs(env: Environment, name: string, fallback: Duration, max: Duration): number {
  const duration = durationSchema.safeParse(read(env, name) ?? fallback).data;
  const example = `${name}=${fallback}`;
  if (duration === undefined) throw invalid(name, 'is not a duration', example);
  if (durationToMs(duration) > durationToMs(max)) throw invalid(name, `is longer than ${max}`, example);
  return durationToMs(duration);
}

function readCount(env: Environment, name: string, fallback: number): number {
  const value = read(env, name) ?? String(fallback);
  if (!/^[1-9]\d{0,4}$/.test(value)) {
    throw invalid(name, 'is not a whole number from 1 to 99999', `${name}=${fallback}`);
  }
  return Number(value);
}

function readRate(env: Environment, name: string): number | undefined {
  const value = read(env, name);
  if (value === undefined) return undefined;
  if (!/^\d{1,5}(\.\d+)?$/.test(value) || Number(value) === 0) {
    throw invalid(name, 'is not a number above 0', `${name}=50`);
  }
  return Number(value);
}

/** The value stays out of the message: whatever the variable is for, a secret may have been put into it. */
function invalid(name: string, problem: string, example: string): ConfigError {
  return new ConfigError(`${name}: ${problem}; right is e.g. ${example}`);
}

function throwMissing(name: string, example: string): never {
  throw new ConfigError(`${name}: is not set; right is e.g. ${example}`);
}
