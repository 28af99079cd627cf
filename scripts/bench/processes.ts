import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { killOnExit } from '../dev-server/end-with-this-process.js';

/** A worker hands its work back when it is told to stop, which takes no longer. */
const STOP_GRACE_MS = 5_000;

interface StartOptions {
  readonly stdio: StdioOptions;
  readonly env?: Readonly<Record<string, string>>;
  /** It ends by itself soon: that is no crash, and nothing runs beside it to end it with this process. */
  readonly shortLived?: boolean;
  /** What it has said, for the error if it crashes. */
  readonly log?: () => string;
}

/** The Node processes that a benchmark starts, so that none of them outlives it. */
export interface Processes {
  start(args: readonly string[], options: StartOptions): ChildProcess;
  end(child: ChildProcess): Promise<void>;
  endAll(): Promise<void>;
}

/**
 * Those that it starts have nothing in their environment but what they are given, and `cwd` as working and home
 * directory. `onCrash` is told of one that ends without being asked to: what it was to do will never be done.
 */
export function createProcesses(cwd: string, onCrash: (error: Error) => void): Processes {
  const running = new Set<ChildProcess>();
  const ending = new Set<ChildProcess>();
  let isEnding = false;
  const processes: Processes = {
    start(args, { stdio, env, shortLived, log }) {
      if (isEnding) throw new Error('The benchmark ends');
      const child = spawn(process.execPath, args, {
        cwd,
        env: { PATH: process.env['PATH'], HOME: cwd, ...env },
        stdio,
        // A process group of its own: Ctrl-C reaches our process only, which then ends the others in order.
        detached: true,
      });
      running.add(child);
      child.once('exit', (code, signal) => {
        running.delete(child);
        if (shortLived || ending.delete(child)) return;
        const how = `ended with ${signal ?? `exit code ${code}`}`;
        onCrash(new Error(`node ${args.join(' ')} ${how}\n${log?.() ?? ''}`.trimEnd()));
      });
      if (!shortLived) killOnExit(child);
      return child;
    },
    async end(child) {
      if (!running.has(child)) return;
      ending.add(child);
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const tooLong = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
      await ended;
      clearTimeout(tooLong);
    },
    async endAll() {
      isEnding = true;
      await Promise.all([...running].map(processes.end));
    },
  };
  return processes;
}
