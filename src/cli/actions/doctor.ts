import {
  type Environment,
  loadEnvironment,
  readBctrlConfig,
  readStarterConfig,
  readWorkerConfig,
} from '../../config.js';
import { ConfigError } from '../../config-error.js';
import type { ExitCode } from '../../exit.js';
import { version } from '../../version.js';
import { checkClock, checkKey, checkProxy } from '../doctor/check-api.js';
import { checkNode } from '../doctor/check-node.js';
import { checkNamespace, checkSearchAttributes } from '../doctor/check-temporal.js';
import { checkWorker } from '../doctor/check-worker.js';
import { Examination, type Finding, type Found } from '../doctor/examination.js';
import { type Io, writeJson } from '../io.js';
import { type Colors, colorsOf, type Line, writeLines } from '../show/lines.js';
import { connect, type Session, toExit } from '../temporal/connect.js';

/** `doctor`: checks all that a pipeline needs, a line each. */
export async function doctorCommand(io: Io, { json }: { readonly json?: boolean }): Promise<ExitCode> {
  const examination = new Examination();
  const env = loadEnvironment();
  await examination.check('node', () => checkNode(process.versions.node));
  await examination.check('configuration', () => {
    readWorkerConfig(env);
    readStarterConfig(env);
    return { message: 'every variable can be read', value: undefined };
  });
  await examineApi(examination, env);
  await examineTemporal(examination, env);
  const { findings, exitCode } = examination;
  if (json) writeJson(io, { version, findings });
  else
    writeLines(
      io.stdout,
      findings.map((finding) => toLine(finding, colorsOf(io.stdout))),
    );
  return exitCode;
}

async function examineApi(examination: Examination, env: Environment): Promise<void> {
  const bctrl = readIfRight(() => readBctrlConfig(env));
  if (bctrl === undefined)
    return examination.skip(['proxy', 'api', 'clock'], 'the configuration comes first');
  await examination.check('proxy', () => checkProxy(bctrl));
  await examination.check('api', () => checkKey(bctrl));
  await examination.check('clock', () => checkClock(bctrl));
}

async function examineTemporal(examination: Examination, env: Environment): Promise<void> {
  const config = readIfRight(() => readStarterConfig(env));
  if (config === undefined) {
    return examination.skip(['temporal', 'namespace', ...NEEDS_NAMESPACE], 'the configuration comes first');
  }
  const session = await examination.check('temporal', async () => ({
    message: config.temporal.connectionOptions.address,
    value: await connect(config),
  }));
  if (session === undefined) {
    return examination.skip(['namespace', ...NEEDS_NAMESPACE], 'Temporal comes first');
  }
  try {
    await examineNamespace(examination, session);
  } finally {
    await session.client.connection.close();
  }
}

const NEEDS_NAMESPACE = ['search attributes', 'worker'];

async function examineNamespace(examination: Examination, session: Session): Promise<void> {
  const check = <T>(name: string, work: (session: Session) => Promise<Found<T>>) =>
    examination.check(name, async () => {
      try {
        return await work(session);
      } catch (error) {
        throw toExit(error, session.config) ?? error;
      }
    });
  if ((await check('namespace', checkNamespace)) === undefined) {
    return examination.skip(NEEDS_NAMESPACE, 'the namespace comes first');
  }
  await check('search attributes', checkSearchAttributes);
  await check('worker', checkWorker);
}

/** What is wrong with it was told already. */
function readIfRight<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

const colorNames = { ok: 'green', warning: 'yellow', problem: 'red', skipped: 'dim' } as const;

function toLine({ name, outcome, message }: Finding, colors: Colors): Line {
  return { text: `${colors[colorNames[outcome]](outcome.padEnd(9))}  ${name.padEnd(17)}  ${message}` };
}
