import { ConfigError, type ExitCode, ExitError, exitCodes } from '../../exit.js';

/** One thing that was checked: a line, which says what to do where something is wrong. */
export interface CheckResult {
  readonly name: string;
  /** A `warning` keeps nothing from working. */
  readonly outcome: 'ok' | 'warning' | 'problem' | 'skipped';
  readonly message: string;
}

/** What a check has found, if that is no problem. */
export interface CheckSuccess<T> {
  readonly message: string;
  readonly isWarning?: boolean;
  /** For the checks after it. */
  readonly value: T;
}

/** Checks things one by one, and goes on after a problem. */
export class DoctorReport {
  readonly results: CheckResult[] = [];
  #exitCode: ExitCode = exitCodes.done;

  /** That of the first problem. */
  get exitCode(): ExitCode {
    return this.#exitCode;
  }

  /**
   * @param check throws a ConfigError or an Exit for a problem
   * @returns its value, or `undefined` if there is a problem
   */
  async check<T>(
    name: string,
    check: () => CheckSuccess<T> | Promise<CheckSuccess<T>>,
  ): Promise<T | undefined> {
    try {
      const { message, isWarning, value } = await check();
      this.results.push({ name, outcome: isWarning ? 'warning' : 'ok', message });
      return value;
    } catch (error) {
      if (!(error instanceof ExitError || error instanceof ConfigError)) throw error;
      const code = error instanceof ExitError ? error.code : exitCodes.usage;
      if (this.#exitCode === exitCodes.done) this.#exitCode = code;
      this.results.push({ name, outcome: 'problem', message: error.message });
      return undefined;
    }
  }

  /** Notes what cannot be checked. */
  skip(names: readonly string[], message: string): void {
    this.results.push(...names.map((name) => ({ name, outcome: 'skipped' as const, message })));
  }
}
