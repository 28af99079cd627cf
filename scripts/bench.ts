import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toMessage } from '../src/shared/display-text.js';
import { describeMachine, probeCpu } from './bench/machine.js';
import { measureOnce, type Repetition } from './bench/measure.js';
import { type BenchOptions, type Plan, parseOptions } from './bench/options.js';
import { type BenchResult, renderReport } from './bench/report.js';
import { isMet, toMeasureRows } from './bench/rows.js';
import { openSession } from './bench/session.js';

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

const options = readOptions(process.argv.slice(2));
let exitCode: number;
try {
  exitCode = await rejectWhenStopped(bench(options));
} catch (error) {
  exitCode = error === interruption ? exitCodes.interrupted : exitCodes.failed;
  log(`bench: ${toMessage(error)}`);
} finally {
  for (const end of ends.reverse()) await end();
}
// A stopped measurement may still wait for something.
process.exit(exitCode);

function readOptions(argv: readonly string[]): BenchOptions {
  try {
    return parseOptions(argv);
  } catch (error) {
    log(`bench: ${toMessage(error)}`);
    process.exit(exitCodes.usage);
  }
}

async function bench({ plan, strict, json }: BenchOptions): Promise<number> {
  const result = await measure(plan);
  const rows = toMeasureRows(plan, result.repetitions);
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ rows, ...result }, undefined, 2)}\n`);
  console.log(renderReport(result));
  const isMissed = rows.some((row) => isMet(row) === false);
  return isMissed && strict ? exitCodes.failed : exitCodes.done;
}

async function measure(plan: Plan): Promise<BenchResult> {
  const dir = await mkdtemp(join(tmpdir(), 'bctrl-bench-'));
  ends.push(() => rm(dir, { recursive: true, force: true, maxRetries: RM_RETRIES }));
  const session = await openSession({
    plan,
    dir,
    log,
    signal: stop.signal,
    onEnd: (end) => ends.push(end),
    onCrash: (error) => stop.abort(error),
  });
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

/** A measurement may take minutes to notice that it has to stop, or wait for a process that is gone. */
async function rejectWhenStopped<T>(work: Promise<T>): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    stop.signal.addEventListener('abort', () => reject(stop.signal.reason));
    work.then(resolve, reject);
  });
}
