import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { killOnExit } from '../dev-server/kill-on-exit.js';

/** Longer than any of the processes needs to end in order. */
const STOP_TIMEOUT_MS = 30_000;

/** The watchdog of a killed Temporal server ends 5 s after it, later on a busy machine. */
const LEAK_TIMEOUT_MS = 20_000;

const LEAK_INTERVAL_MS = 500;

/** Enough for a stack trace of Node and what precedes it. */
const KEPT_LINES = 40;

/** A variable that every process of a run inherits, so that one that is left behind is found. */
const MARKER = 'BCTRL_CHAOS_RUN';

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<ChildExit>;
  hasExited(): boolean;
  /** The last lines that it has logged. */
  lastLines(): string;
  /** Ends the process: it is not expected to run any longer. Resolves when it is gone. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<ChildExit>;
}

interface ChildOptions {
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
  /** Whether an end that nobody asked for is no problem. */
  readonly mayExit?: (exit: ChildExit) => boolean;
}

/** The Node processes of a run. Each has `cwd` as its working and home directory, and no other environment than it is given. */
export class Children {
  readonly #cwd: string;
  readonly #runId: string;
  readonly #running = new Set<Child>();
  /** What went wrong with processes: a sentence each, and the last lines of the process. */
  readonly problems: string[] = [];

  constructor(cwd: string, runId: string) {
    this.#cwd = cwd;
    this.#runId = runId;
    // The Temporal server inherits it from this process.
    process.env[MARKER] = runId;
  }

  startNode(args: readonly string[], { name, env = {}, onLine, mayExit = () => false }: ChildOptions): Child {
    const child = spawn(process.execPath, args, {
      cwd: this.#cwd,
      env: { PATH: process.env['PATH'], HOME: this.#cwd, [MARKER]: this.#runId, ...env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // In a process group of its own: Ctrl-C reaches our process only, which ends the others.
      detached: true,
    });
    const pid = killOnExit(child);
    let isEnding = false;
    const lines: string[] = [];
    const lastLines = () => lines.join('\n');
    if (child.stderr) {
      createInterface({ input: child.stderr }).on('line', (line) => {
        lines.push(line);
        if (lines.length > KEPT_LINES) lines.shift();
        onLine?.(line);
      });
    }
    // Its last lines are there when its output has closed.
    const exited = once(child, 'close').then(([code, signal]): ChildExit => ({ code, signal }));
    const running: Child = {
      process: child,
      pid,
      exited,
      lastLines,
      hasExited: () => child.exitCode !== null || child.signalCode !== null,
      end: async (signal) => {
        isEnding = true;
        child.kill(signal);
        // A frozen process gets the signal when it goes on.
        child.kill('SIGCONT');
        const tooLong = setTimeout(() => {
          this.problems.push(`${name} did not end within ${STOP_TIMEOUT_MS / 1_000} s of ${signal}`);
          child.kill('SIGKILL');
        }, STOP_TIMEOUT_MS);
        const exit = await exited;
        clearTimeout(tooLong);
        return exit;
      },
    };
    this.#running.add(running);
    void exited.then((exit) => {
      this.#running.delete(running);
      if (isEnding || mayExit(exit)) return;
      this.problems.push(
        `${name} ended by itself with ${exit.signal ?? `exit code ${exit.code}`}:\n${lastLines()}`,
      );
    });
    return running;
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => child.end('SIGTERM')));
  }

  /** The processes of this run that do not end by themselves within `timeoutMs`. Empty where there is no `/proc`. */
  async findLeaked({ timeoutMs = LEAK_TIMEOUT_MS } = {}): Promise<string[]> {
    const giveUpMs = performance.now() + timeoutMs;
    for (;;) {
      const leaked = await this.#findRunning();
      if (leaked.length === 0 || performance.now() > giveUpMs) return leaked;
      await sleep(LEAK_INTERVAL_MS);
    }
  }

  async #findRunning(): Promise<string[]> {
    const marker = `${MARKER}=${this.#runId}\0`;
    const running: string[] = [];
    for (const pid of await readdir('/proc').catch(() => [])) {
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
      const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '');
      if (!(await read('environ')).includes(marker)) continue;
      running.push(
        `process ${pid} is still there: ${(await read('cmdline')).replaceAll('\0', ' ').slice(0, 120)}`,
      );
    }
    return running;
  }
}
