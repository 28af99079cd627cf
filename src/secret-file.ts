import { readFileSync } from 'node:fs';
import { isHeaderValue } from './bctrl/client-options.js';
import { type Environment, read } from './environment.js';
import { ConfigError } from './exit.js';

/** A new key is used within seconds. Reading a short file costs less than a tenth of a millisecond. */
const INTERVAL_MS = 2_000;

/** What a watched file tells. No text contains the secret. */
export interface SecretFileListener {
  /** The file has another secret. */
  onReplaced(): void;
  /** The file has no secret that can be used, for instance while an editor writes it. Called once until it has one again. */
  onProblem(problem: string): void;
}

/**
 * A secret in a file, such as an API key, that may be replaced while the process runs. The content is compared, not its time:
 * Kubernetes replaces the link to the file. While the file cannot be used, the last secret stays.
 */
export class SecretFile {
  /** The variable that names the file. */
  readonly variable: string;
  readonly #path: string;
  readonly #listeners = new Set<SecretFileListener>();
  #value: string;
  #problem: string | undefined;

  /** @throws ConfigError */
  constructor(variable: string, path: string) {
    this.variable = variable;
    this.#path = path;
    const { value, problem } = readSecret(path);
    if (value === undefined) throw new ConfigError(`${variable}: the file that it names ${problem}`);
    this.#value = value;
  }

  /** The secret, as it was read last. */
  get value(): string {
    return this.#value;
  }

  /** Reads the file now. */
  refresh(): string {
    const { value, problem } = readSecret(this.#path);
    const isNewProblem = problem !== undefined && this.#problem === undefined;
    const isReplaced = value !== undefined && value !== this.#value;
    this.#problem = problem;
    this.#value = value ?? this.#value;
    for (const listener of this.#listeners) {
      if (isNewProblem) listener.onProblem(`${this.variable}: the file that it names ${problem}`);
      if (isReplaced) listener.onReplaced();
    }
    return this.#value;
  }

  /**
   * Reads the file every 2 seconds.
   *
   * @returns ends it
   */
  watch(listener: SecretFileListener): () => void {
    this.#listeners.add(listener);
    const timer = setInterval(() => this.refresh(), INTERVAL_MS).unref();
    return () => {
      this.#listeners.delete(listener);
      clearInterval(timer);
    };
  }
}

/**
 * Opens the file that `variable` names. Returns `undefined` if it is not set.
 *
 * @param name the variable that has the secret itself if there is no file
 * @throws ConfigError
 */
export function readSecretFile(env: Environment, variable: string, name: string): SecretFile | undefined {
  const path = read(env, variable);
  if (path === undefined) return undefined;
  if (read(env, name) === undefined) return new SecretFile(variable, path);
  throw new ConfigError(`${name} and ${variable}: both are set; remove one of them`);
}

type Content = { value: string; problem?: never } | { value?: never; problem: string };

function readSecret(path: string): Content {
  try {
    const value = readFileSync(path, 'utf8').trim();
    if (value === '') return { problem: 'is empty' };
    return isHeaderValue(value) ? { value } : { problem: 'contains characters that a header cannot carry' };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error;
    return { problem: `cannot be read (${code})` };
  }
}
