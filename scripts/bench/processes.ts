import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { killOnExit } from '../dev-server/kill-on-exit.js';

/** A worker needs less to hand its work back after SIGTERM. */
const STOP_GRACE_MS = 5_000;

/** Log kept for the error of a worker that crashes. */
const LOG_TAIL_CHARS = 2_000;

const TSX = import.meta.resolve('tsx');

type Env = Readonly<Record<string, string>>;

/** A TypeScript program of this folder in its own process, with which the benchmark exchanges messages. */
export interface Script {
  /** The next message from the process. */
  receive<T>(): Promise<T>;
  send(message: object): void;
  end(): Promise<void>;
}

export interface BuiltWorker {
  readonly pid: number;
  /** From the start of the process to its first poll. */
  readonly startMs: number;
  end(): Promise<void>;
}

/**
 * Starts the Node processes of a benchmark, with `cwd` as their working and home directory and no other environment than
 * they are given. None of them outlives the benchmark.
 */
export class Processes {
  readonly #running = new Set<ChildProcess>();
  readonly #ending = new Set<ChildProcess>();
  readonly #cwd: string;
  readonly #onCrash: (error: Error) => void;
  #isEnding = false;

  /** `onCrash` is called when a process ends that was not told to. */
  constructor(cwd: string, onCrash: (error: Error) => void) {
    this.#cwd = cwd;
    this.#onCrash = onCrash;
  }

  /** Starts `file`, relative to this folder, with one JSON document as its argument. */
  startScript(file: string, input: object): Script {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const child = this.#start(['--import', TSX, path, JSON.stringify(input)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    return {
      async receive<T>() {
        const [message] = await once(child, 'message');
        return message as T;
      },
      send: (message) => void child.send(message),
      end: () => this.#end(child),
    };
  }

  /** Starts the built worker with its prebuilt bundle, as `npm run worker` does, and waits until it polls. */
  async startWorker(env: Env): Promise<BuiltWorker> {
    let log = '';
    const startedMs = performance.now();
    const child = this.#start([distFile('worker.js')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env,
      log: () => log,
    });
    const startMs = await new Promise<number>((resolve) => {
      child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
        log = (log + chunk).slice(-LOG_TAIL_CHARS);
        if (log.includes('worker polls task queue')) resolve(performance.now() - startedMs);
      });
    });
    return { pid: child.pid as number, startMs, end: () => this.#end(child) };
  }

  /** Runs the built starter to its end; `ms` is the time that the process took. */
  async runStarter(argv: readonly string[], env: Env = {}): Promise<{ stdout: string; ms: number }> {
    const startedMs = performance.now();
    const child = spawn(process.execPath, [distFile('starter.js'), ...argv], {
      env: this.#env(env),
      cwd: this.#cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    if (code !== 0) throw new Error(`The starter ended with exit code ${code}\n${stderr}`);
    return { stdout, ms: performance.now() - startedMs };
  }

  async endAll(): Promise<void> {
    this.#isEnding = true;
    await Promise.all([...this.#running].map((child) => this.#end(child)));
  }

  #start(
    args: readonly string[],
    options: { stdio: StdioOptions; env?: Env; log?: () => string },
  ): ChildProcess {
    if (this.#isEnding) throw new Error('The benchmark ends');
    const { stdio, env = {}, log = () => '' } = options;
    // In a process group of its own: Ctrl-C reaches our process only, which then ends the others in order.
    const child = spawn(process.execPath, args, {
      cwd: this.#cwd,
      env: this.#env(env),
      stdio,
      detached: true,
    });
    this.#running.add(child);
    child.once('exit', (code, signal) => {
      this.#running.delete(child);
      if (this.#ending.delete(child)) return;
      const how = `ended with ${signal ?? `exit code ${code}`}`;
      this.#onCrash(new Error(`node ${args.join(' ')} ${how}\n${log()}`.trimEnd()));
    });
    killOnExit(child);
    return child;
  }

  async #end(child: ChildProcess): Promise<void> {
    if (!this.#running.has(child)) return;
    this.#ending.add(child);
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const tooLong = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
    await ended;
    clearTimeout(tooLong);
  }

  #env(env: Env): NodeJS.ProcessEnv {
    return { PATH: process.env['PATH'], HOME: this.#cwd, ...env };
  }
}

function distFile(name: string): string {
  return fileURLToPath(new URL(`../../dist/${name}`, import.meta.url));
}
