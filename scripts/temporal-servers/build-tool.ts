import { spawn } from 'node:child_process';
import { basename, delimiter, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { isExecutable } from './cache.js';

export async function findOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const dir of (env['PATH'] ?? '').split(delimiter)) {
    const path = resolve(dir, name);
    if (dir && (await isExecutable(path))) return path;
  }
  return undefined;
}

/** Java as Maven finds it: `JAVA_HOME` first, then PATH. */
export async function findJava(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const home = env['JAVA_HOME'];
  if (!home) return findOnPath('java', env);
  const java = join(home, 'bin', 'java');
  return (await isExecutable(java)) ? java : undefined;
}

/**
 * Runs a tool to its end, also when `signal` ends it early: then nothing writes any more, and the signal's reason is thrown.
 * The tool's output is only seen, by its last line, in the error of a run that failed.
 */
export async function runTool(
  file: string,
  args: string[],
  options: {
    env: NodeJS.ProcessEnv;
    signal: AbortSignal | undefined;
    cwd?: string;
  },
): Promise<void> {
  const tool = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let failure: Error | undefined;
  tool.on('error', (error) => {
    failure = error;
  });
  const [[code, signal], out, err] = await Promise.all([
    new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      tool.on('close', (...end) => resolve(end));
    }),
    text(tool.stdout),
    text(tool.stderr),
  ]);
  options.signal?.throwIfAborted();
  if (failure) throw failure;
  if (code === 0) return;
  const lastLine = `${out}\n${err}`.trim().split('\n').at(-1);
  throw new Error(
    `${basename(file)} ended with ${signal ?? `exit code ${code}`}: ${lastLine || 'no output'}`,
  );
}
