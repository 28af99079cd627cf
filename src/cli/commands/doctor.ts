import { readBctrlConfig, readStarterConfig, readWorkerConfig } from '../../config.js';
import { ConfigError, type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { version } from '../../version.js';
import { type Io, writeJson } from '../io.js';
import { createStyle, writeLines } from '../output/lines.js';
import { type Session, toExitError } from '../temporal/session.js';
import {
  type CheckSuccess,
  checkClock,
  checkConnection,
  checkEncryption,
  checkKey,
  checkNamespace,
  checkNode,
  checkProxy,
  checkSearchAttributes,
  checkUi,
} from './doctor-checks.js';
import { checkWorkerState, checkWorkers } from './doctor-workers.js';

/** The outcome of one check. */
export interface CheckResult {
  /** The same for each worker. */
  readonly name: string;
  /** `warning`: pipelines run all the same. `skipped`: an earlier check found a problem. */
  readonly outcome: 'ok' | 'warning' | 'problem' | 'skipped';
  /** For a warning or problem it also says what to do. */
  readonly message: string;
}

/** `doctor`: checks everything that a pipeline needs, and prints a line for each check. */
export async function doctorCommand(io: Io, { json }: { readonly json?: boolean }): Promise<ExitCode> {
  const report = new DoctorReport();
  await runChecks(report, io);
  if (json) writeJson(io, { version, checks: report.results });
  else printResults(io, report.results);
  return report.exitCode;
}

async function runChecks(report: DoctorReport, { env }: Io): Promise<void> {
  await report.check('node', process.versions.node, checkNode);
  await report.check('configuration', env, () => {
    readWorkerConfig(env);
    readStarterConfig(env);
    return { message: 'every variable can be read' };
  });
  const bctrl = tryRead(() => readBctrlConfig(env));
  const proxy = await report.check('proxy', bctrl, (each) => checkProxy(each, env));
  const api = proxy && bctrl;
  await report.check('api', api, checkKey);
  await report.check('clock', api, checkClock);
  const config = tryRead(() => readStarterConfig(env));
  await report.check('encryption', config, checkEncryption);
  const session = (await report.check('temporal', config, (each) => checkConnection(each, env)))?.session;
  try {
    const namespace = await report.check('namespace', session, inSession(checkNamespace));
    const usable = namespace && session;
    await report.check('search attributes', usable, inSession(checkSearchAttributes));
    const { workers = [] } = (await report.check('workers', usable, inSession(checkWorkers))) ?? {};
    const ownKeys = config?.encryptionKeys.fingerprints ?? [];
    for (const worker of workers) {
      await report.check('worker', worker, (each) => checkWorkerState(each, ownKeys));
    }
    await report.check('ui', config, (each) => checkUi(each, env));
  } finally {
    await session?.client.connection.close();
  }
}

function inSession<T extends CheckSuccess>(run: (session: Session) => Promise<T>) {
  return async (session: Session) => {
    try {
      return await run(session);
    } catch (error) {
      throw toExitError(error, session.config) ?? error;
    }
  };
}

/** Returns `undefined` for a configuration whose problem the check `configuration` has reported. */
function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

class DoctorReport {
  readonly results: CheckResult[] = [];
  /** The exit code of the first problem. */
  exitCode: ExitCode = exitCodes.done;

  /**
   * Runs a check, or skips it if what it needs is `undefined`.
   *
   * @param run throws an ExitError for a problem
   * @returns what `run` returned, or `undefined` for a skipped check or a problem
   */
  async check<N, T extends CheckSuccess>(
    name: string,
    needed: N | undefined,
    run: (needed: N) => T | Promise<T>,
  ): Promise<T | undefined> {
    if (needed === undefined) {
      this.results.push({ name, outcome: 'skipped', message: 'fix the problem above first' });
      return undefined;
    }
    try {
      const success = await run(needed);
      const { message, isWarning } = success;
      this.results.push({ name, outcome: isWarning ? 'warning' : 'ok', message });
      return success;
    } catch (error) {
      if (!(error instanceof ExitError)) throw error;
      if (this.exitCode === exitCodes.done) this.exitCode = error.code;
      this.results.push({ name, outcome: 'problem', message: error.message });
      return undefined;
    }
  }
}

const outcomeColors = { ok: 'green', warning: 'yellow', problem: 'red', skipped: 'dim' } as const;

function printResults({ stdout }: Io, results: readonly CheckResult[]): void {
  const style = createStyle(stdout);
  const lines = results.map(({ name, outcome, message }) => {
    const head = style(outcomeColors[outcome], outcome.padEnd(9));
    return { text: `${head}  ${name.padEnd(17)}  ${message}` };
  });
  writeLines(stdout, lines);
}
