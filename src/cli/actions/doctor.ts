import { readBctrlConfig, readStarterConfig, readWorkerConfig } from '../../config.js';
import { type Environment, loadEnvironment } from '../../environment.js';
import { ConfigError, type ExitCode } from '../../exit.js';
import { version } from '../../version.js';
import { checkClock, checkKey, checkProxy } from '../doctor/check-api.js';
import { checkNode } from '../doctor/check-node.js';
import { checkNamespace, checkSearchAttributes } from '../doctor/check-temporal.js';
import { checkWorker } from '../doctor/check-worker.js';
import { type CheckResult, type CheckSuccess, DoctorReport } from '../doctor/doctor-report.js';
import { type Io, writeJson } from '../io.js';
import { type Colors, colorsOf, type Line, writeLines } from '../show/lines.js';
import { connect, type Session, toExitError } from '../temporal/connect.js';

/** `doctor`: checks all that a pipeline needs, a line each. */
export async function doctorCommand(io: Io, { json }: { readonly json?: boolean }): Promise<ExitCode> {
  const report = new DoctorReport();
  const env = loadEnvironment();
  await report.check('node', () => checkNode(process.versions.node));
  await report.check('configuration', () => {
    readWorkerConfig(env);
    readStarterConfig(env);
    return { message: 'every variable can be read', value: undefined };
  });
  await checkApi(report, env);
  await checkTemporal(report, env);
  const { results, exitCode } = report;
  if (json) writeJson(io, { version, findings: results });
  else
    writeLines(
      io.stdout,
      results.map((finding) => toLine(finding, colorsOf(io.stdout))),
    );
  return exitCode;
}

async function checkApi(report: DoctorReport, env: Environment): Promise<void> {
  const bctrl = tryRead(() => readBctrlConfig(env));
  if (bctrl === undefined) return report.skip(['proxy', 'api', 'clock'], 'the configuration comes first');
  await report.check('proxy', () => checkProxy(bctrl));
  await report.check('api', () => checkKey(bctrl));
  await report.check('clock', () => checkClock(bctrl));
}

async function checkTemporal(report: DoctorReport, env: Environment): Promise<void> {
  const config = tryRead(() => readStarterConfig(env));
  if (config === undefined) {
    return report.skip(['temporal', 'namespace', ...NEEDS_NAMESPACE], 'the configuration comes first');
  }
  const session = await report.check('temporal', async () => ({
    message: config.temporal.connectionOptions.address,
    value: await connect(config),
  }));
  if (session === undefined) {
    return report.skip(['namespace', ...NEEDS_NAMESPACE], 'Temporal comes first');
  }
  try {
    await checkNamespaceAndWorker(report, session);
  } finally {
    await session.client.connection.close();
  }
}

const NEEDS_NAMESPACE = ['search attributes', 'worker'];

async function checkNamespaceAndWorker(report: DoctorReport, session: Session): Promise<void> {
  const check = <T>(name: string, work: (session: Session) => Promise<CheckSuccess<T>>) =>
    report.check(name, async () => {
      try {
        return await work(session);
      } catch (error) {
        throw toExitError(error, session.config) ?? error;
      }
    });
  if ((await check('namespace', checkNamespace)) === undefined) {
    return report.skip(NEEDS_NAMESPACE, 'the namespace comes first');
  }
  await check('search attributes', checkSearchAttributes);
  await check('worker', checkWorker);
}

/** What is wrong with it was told already. */
function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

const colorNames = { ok: 'green', warning: 'yellow', problem: 'red', skipped: 'dim' } as const;

function toLine({ name, outcome, message }: CheckResult, colors: Colors): Line {
  return { text: `${colors[colorNames[outcome]](outcome.padEnd(9))}  ${name.padEnd(17)}  ${message}` };
}
