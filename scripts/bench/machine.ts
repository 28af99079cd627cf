import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Client } from '@temporalio/client';

/** Written to `/proc/<pid>/clear_refs`, this value resets the peak of the resident set (man 5 proc). */
const RESET_PEAK = '5';

/** Long enough to notice other work of the machine, short enough to repeat between measurements. */
const PROBE_STEPS = 100_000_000;

/** Linux tells CPU times in hundredths of a second on all its platforms. */
const CLOCK_TICK_MS = 10;

/** Where and when a run was made. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  /** The load average of the last minute. */
  readonly load: number;
  readonly node: string;
  readonly temporalServer: string;
  readonly date: string;
}

export async function describeMachine(client: Client): Promise<Machine> {
  const { serverVersion } = await client.workflowService.getSystemInfo({});
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: totalmem() / 1e9,
    system: `${type()} ${release()}`,
    load: loadavg()[0] ?? 0,
    node: process.version,
    temporalServer: serverVersion ?? 'unknown',
    date: new Date().toISOString(),
  };
}

/**
 * Returns the milliseconds that a fixed piece of work takes, which needs one core and no memory. If this differs between
 * probes, every other number may differ too.
 */
export function probeCpu(): number {
  const startMs = performance.now();
  let state = 1;
  for (let step = 0; step < PROBE_STEPS; step += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
  }
  // Used, so that no compiler leaves the work out.
  if (state === 0) throw new Error('This generator never yields 0');
  return performance.now() - startMs;
}

/** The CPU time that a process has used, in milliseconds; `undefined` on systems other than Linux. */
export async function readCpuMs(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  // The second field is the name in brackets, which may have spaces; user and system time are fields 14 and 15 (man 5 proc).
  const [, rest = ''] = /\) (.*)$/.exec((await readFile(`/proc/${pid}/stat`, 'utf8')).trim()) ?? [];
  const [user, system] = rest.split(' ').slice(11, 13);
  return (Number(user) + Number(system)) * CLOCK_TICK_MS;
}

/** Makes the present resident set of a process its peak. Does nothing on systems other than Linux. */
export async function resetPeak(pid: number): Promise<void> {
  if (process.platform === 'linux') await writeFile(`/proc/${pid}/clear_refs`, RESET_PEAK);
}

/** The largest resident set of a process since the last reset; `undefined` on systems other than Linux. */
export async function readPeakBytes(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024;
}
