import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { Processes } from './processes.js';

const STARTER = fileURLToPath(new URL('../../dist/starter.js', import.meta.url));

/** The built starter as a process; how long it took from its start to its end. */
export async function runStarter(
  processes: Processes,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ stdout: string; ms: number }> {
  const startedMs = performance.now();
  const child = processes.start([STARTER, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
    shortLived: true,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`The starter ended with exit code ${code}\n${stderr}`);
  return { stdout, ms: performance.now() - startedMs };
}
