import { isHeaderValue } from './bctrl/client-options.js';
import { ConfigError } from './exit.js';
import { type Duration, durationSchema, durationToMs } from './shared/duration.js';

/** Environment variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Returns `process.env` after adding the variables of `.env` in the working directory, which override none.
 *
 * @throws ConfigError if there is a `.env` that cannot be read
 */
export function loadEnvironment(): Environment {
  try {
    process.loadEnvFile();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error;
    if (code !== 'ENOENT') throw new ConfigError(`.env: cannot be read (${code})`);
  }
  return process.env;
}

/** The trimmed value of a variable. An empty variable counts as not set. */
export function read(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

/** The error never quotes the value, which may be a secret set in the wrong place. */
export function invalid(name: string, problem: string, example: string): ConfigError {
  return new ConfigError(`${name}: ${problem}; for example: ${name}=${example}`);
}

// Each reader below returns undefined, or its fallback, for a variable that is not set, and throws a ConfigError for an
// invalid value.

/** An http or https URL without trailing slash. */
export function readUrl(env: Environment, name: string, example: string): string | undefined {
  const value = read(env, name);
  if (value === undefined) return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalid(name, 'is not an http or https URL', example);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw invalid(name, 'must not contain a user, query or fragment', example);
  }
  return value.replace(/\/+$/, '');
}

export function readOneOf<T extends string>(
  env: Environment,
  name: string,
  values: readonly [T, ...T[]],
): T | undefined {
  const parse = (value: string) => values.find((known) => known === value);
  return readParsed(env, name, `is not one of ${values.join(', ')}`, values[0], parse);
}

export function readHeaderValue(env: Environment, name: string): string | undefined {
  const value = read(env, name);
  if (value === undefined || isHeaderValue(value)) return value;
  throw notAHeaderValue(name);
}

export function notAHeaderValue(name: string): ConfigError {
  return invalid(name, 'contains characters that a header cannot carry', 'abc123');
}

export function readDurationMs(env: Environment, name: string, fallback: Duration, max: Duration): number {
  const duration = durationSchema.safeParse(read(env, name) ?? fallback).data;
  if (duration === undefined) throw invalid(name, 'is not a duration', `${fallback}`);
  if (durationToMs(duration) > durationToMs(max)) throw invalid(name, `is longer than ${max}`, `${fallback}`);
  return durationToMs(duration);
}

export function readCount(env: Environment, name: string, fallback: number): number {
  const parse = (value: string) => (/^[1-9]\d{0,4}$/.test(value) ? Number(value) : undefined);
  return readParsed(env, name, 'is not a whole number from 1 to 99999', `${fallback}`, parse) ?? fallback;
}

/** A number above 0, with or without a fraction. */
export function readRate(env: Environment, name: string): number | undefined {
  const parse = (value: string) =>
    /^\d{1,5}(\.\d+)?$/.test(value) && Number(value) > 0 ? Number(value) : undefined;
  return readParsed(env, name, 'is not a number above 0', '50', parse);
}

/** @param parse returns undefined for an invalid value */
export function readParsed<T>(
  env: Environment,
  name: string,
  problem: string,
  example: string,
  parse: (value: string) => T | undefined,
): T | undefined {
  const value = read(env, name);
  if (value === undefined) return undefined;
  const parsed = parse(value);
  if (parsed === undefined) throw invalid(name, problem, example);
  return parsed;
}
