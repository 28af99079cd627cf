import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const dist = new URL('../../dist/', import.meta.url);

/** Even on a busy machine, a process that has not ended by then never will. */
const TIMEOUT_MS = 60_000;

export type ExecutableName = 'starter' | 'worker' | 'gateway';

export interface ProcessResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningProcess {
  readonly child: ChildProcess;
  /** The output so far. */
  stdout(): string;
  stderr(): string;
  readonly ended: Promise<ProcessResult>;
}

/**
 * Starts a built executable.
 *
 * @param stdout a file descriptor to write to instead of a pipe
 */
export function startExecutable(
  t: TestContext,
  name: ExecutableName,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  stdout?: number,
): RunningProcess {
  const script = fileURLToPath(new URL(`${name}.js`, dist));
  // A worker runs as long as its test.
  const timeout = name === 'worker' ? undefined : TIMEOUT_MS;
  return startNode(t, [script, ...argv], env, { timeout, stdout });
}

/** Starts Node with no environment but `env` and what it needs. It is killed after the test. */
export function startNode(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  options: Pick<ProcessOptions, 'timeout' | 'stdout'> = {},
): RunningProcess {
  // The repository may contain a developer's .env.
  return startProcess(t, process.execPath, args, { env, cwd: tmpdir(), ...options });
}

interface ProcessOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly timeout?: number | undefined;
  /** A file descriptor to write to instead of a pipe. */
  readonly stdout?: number | undefined;
}

/** Starts a program with no environment but `env` and what it needs. It is killed after the test. */
export function startProcess(
  t: TestContext,
  program: string,
  args: readonly string[],
  { env, stdout: fd, ...options }: ProcessOptions,
): RunningProcess {
  const child = spawn(program, args, {
    ...options,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
    stdio: ['ignore', fd ?? 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code]) => ({ code, stdout, stderr }));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, stdout: () => stdout, stderr: () => stderr, ended };
}

/** Runs a built executable that ends by itself. */
export function runExecutable(
  t: TestContext,
  name: ExecutableName,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ProcessResult> {
  return startExecutable(t, name, argv, env).ended;
}
