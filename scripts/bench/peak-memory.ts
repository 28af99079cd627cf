import { readFile, writeFile } from 'node:fs/promises';

/** What the kernel's documentation of `/proc/<pid>/clear_refs` gives for "forget the peak of the resident set". */
const FORGET_PEAK = '5';

/** Makes the present resident set of a process its peak; does nothing on systems other than Linux. */
export async function resetPeak(pid: number): Promise<void> {
  if (process.platform !== 'linux') return;
  await writeFile(`/proc/${pid}/clear_refs`, FORGET_PEAK);
}

/** The highest resident set of a process since the last reset, all its threads included; `undefined` where it is not told. */
export async function readPeakBytes(pid: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined;
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024;
}
