import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toMessage } from '../src/shared/display-text.js';
import { measureFleet } from './bench/fleet/measure.js';
import { type FleetOptions, parseFleetOptions } from './bench/fleet/options.js';
import { type FleetResult, renderFleetReport, toFleetRows } from './bench/fleet/report.js';
import { openFleetSession } from './bench/fleet/session.js';
import { describeMachine, probeCpu } from './bench/machine.js';
import { measureOnce, type Repetition } from './bench/measure.js';
import { type BenchOptions, type Plan, parseOptions } from './bench/options.js';
import { type BenchResult, renderReport } from './bench/report.js';
import { isMet, type MeasureRow, toMeasureRows } from './bench/rows.js';
import { openSession, type SessionOptions } from './bench/session.js';

const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 };

/** The server may still write when it is interrupted while it starts. */
const RM_RETRIES = 10;

const interruption = new Error('interrupted');
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stop.abort(interruption));
}
const log = (line: string) => console.error(line);
const ends: (() => Promise<unknown>)[] = [];

const run = readRun(process.argv.slice(2));
let exitCode: number;
try {
  exitCode = await rejectWhenStopped(run());
} catch (error) {
  exitCode = error === interruption ? exitCodes.interrupted : exitCodes.failed;
  log(`bench: ${toMessage(error)}`);
} finally {
  for (const end of ends.reverse()) await end();
}
// A stopped measurement may still wait for something.
process.exit(exitCode);

function readRun(argv: readonly string[]): () => Promise<number> {
  try {
    if (argv[0] === 'fleet') {
      const options = parseFleetOptions(argv.slice(1));
      return () => benchFleet(options);
    }
    const options = parseOptions(argv);
    return () => bench(options);
  } catch (error) {
    log(`bench: ${toMessage(error)}`);
    process.exit(exitCodes.usage);
  }
}

async function bench({ plan, strict, json }: BenchOptions): Promise<number> {
  const result = await measure(plan);
  const rows = toMeasureRows(plan, result.repetitions);
  return await publish({ rows, result, report: renderReport(result), json, strict });
}

async function benchFleet({ plan, strict, json }: FleetOptions): Promise<number> {
  const session = await openFleetSession(plan, await prepare());
  const machine = await describeMachine(session.client);
  probeCpu();
  const result: FleetResult = { plan, machine, figures: await measureFleet(session) };
  const rows = toFleetRows(plan, result.figures);
  return await publish({ rows, result, report: renderFleetReport(result), json, strict });
}

interface Publication extends Pick<BenchOptions, 'json' | 'strict'> {
  readonly rows: readonly MeasureRow[];
  readonly result: object;
  readonly report: string;
}

/** Returns the exit code. */
async function publish({ rows, result, report, json, strict }: Publication): Promise<number> {
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ rows, ...result }, undefined, 2)}\n`);
  console.log(report);
  const isMissed = rows.some((row) => isMet(row) === false);
  return isMissed && strict ? exitCodes.failed : exitCodes.done;
}

async function measure(plan: Plan): Promise<BenchResult> {
  const session = await openSession(plan, await prepare());
  const machine = await describeMachine(session.client);
  // The first probe also compiles the code.
  probeCpu();
  const repetitions: Repetition[] = [];
  for (let number = 1; number <= plan.repetitions; number += 1) {
    log(`repetition ${number} of ${plan.repetitions}`);
    repetitions.push(await measureOnce(session));
  }
  return { plan, machine, repetitions };
}

/** Makes the folder of a run, which is removed when all else has ended. */
async function prepare(): Promise<SessionOptions> {
  const dir = await mkdtemp(join(tmpdir(), 'bctrl-bench-'));
  ends.push(() => rm(dir, { recursive: true, force: true, maxRetries: RM_RETRIES }));
  return {
    dir,
    log,
    signal: stop.signal,
    onEnd: (end) => ends.push(end),
    onCrash: (error) => stop.abort(error),
  };
}

/** A measurement may take minutes to notice that it has to stop, or wait for a process that is gone. */
async function rejectWhenStopped<T>(work: Promise<T>): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
    work.then(resolve, reject);
  });
}
