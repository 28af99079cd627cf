import { ConfigError } from '../../config-error.js';
import { Exit, type ExitCode, exitCodes } from '../../exit.js';

/** One thing that was checked: a line, which says what to do where something is wrong. */
export interface Finding {
  readonly name: string;
  /** A `warning` keeps nothing from working. */
  readonly outcome: 'ok' | 'warning' | 'problem' | 'skipped';
  readonly message: string;
}

/** What a check has found, if that is no problem. */
export interface Found<T> {
  readonly message: string;
  readonly isWarning?: boolean;
  /** For the checks after it. */
  readonly value: T;
}

/** Checks things one by one, and goes on after a problem. */
export class Examination {
  readonly findings: Finding[] = [];
  #exitCode: ExitCode = exitCodes.done;

  /** That of the first problem. */
  get exitCode(): ExitCode {
    return this.#exitCode;
  }

  /**
   * @param check throws a ConfigError or an Exit for a problem
   * @returns its value, or `undefined` if there is a problem
   */
  async check<T>(name: string, check: () => Found<T> | Promise<Found<T>>): Promise<T | undefined> {
    try {
      const { message, isWarning, value } = await check();
      this.findings.push({ name, outcome: isWarning ? 'warning' : 'ok', message });
      return value;
    } catch (error) {
      if (!(error instanceof Exit || error instanceof ConfigError)) throw error;
      const code = error instanceof Exit ? error.code : exitCodes.usage;
      if (this.#exitCode === exitCodes.done) this.#exitCode = code;
      this.findings.push({ name, outcome: 'problem', message: error.message });
      return undefined;
    }
  }

  /** Notes what cannot be checked. */
  skip(names: readonly string[], message: string): void {
    this.findings.push(...names.map((name) => ({ name, outcome: 'skipped' as const, message })));
  }
}
