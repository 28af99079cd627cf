import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { exitCodes } from '../../src/exit.js';
import type { Child, ChildExit, Children } from './children.js';
import type { TemporalServer } from './temporal-server.js';

const WORKER = fileURLToPath(new URL('../../dist/worker.js', import.meta.url));
const PRELOAD = new URL('report-resources.mjs', import.meta.url).href;

/** Of workers: short, so that a run of minutes sees many timeouts. */
export const REQUEST_TIMEOUT_MS = 10_000;

const RESTART_DELAY_MS = 500;

/** For all attempts to start: longer than Temporal is ever away. */
const START_TIMEOUT_MS = 120_000;

/** A busy process collects garbage first. */
const ANSWER_TIMEOUT_MS = 20_000;

const FORCED = 'was stopped by force';

/** Log lines that say that a workflow task failed. */
const TASK_PROBLEM = /nondetermin|non-determin|failing workflow task|unhandled/i;

interface WorkerSurroundings {
  readonly children: Children;
  readonly temporal: TemporalServer;
  readonly env: Readonly<Record<string, string>>;
  /** Aborts when the run is interrupted: no worker starts any longer. */
  readonly signal: AbortSignal;
}

export interface ResourceAnswer {
  readonly ask: number;
  readonly timers: number;
  readonly heapBytes: number;
  readonly rssBytes: number;
}

/** A built worker, which is started again whenever it is ended. */
export class WorkerServer {
  readonly name: string;
  readonly #children: Children;
  readonly #temporal: TemporalServer;
  readonly #env: Readonly<Record<string, string>>;
  readonly #signal: AbortSignal;
  #child: Child | undefined;
  #asked = 0;
  /** Counts its processes. */
  life = 0;
  /** Counts what was done to it. */
  strikes = 0;
  isFrozen = false;
  isReady = false;
  /** Counts the ends that took longer than a worker gives itself. */
  forcedEnds = 0;
  /** Log lines about workflow tasks that failed. */
  readonly taskProblems: string[] = [];
  readonly log: string[] = [];

  constructor(name: string, { children, temporal, env, signal }: WorkerSurroundings) {
    this.name = name;
    this.#children = children;
    this.#temporal = temporal;
    this.#env = env;
    this.#signal = signal;
  }

  get pid(): number | undefined {
    return this.#child?.hasExited() ? undefined : this.#child?.pid;
  }

  /**
   * Resolves when the worker polls. One that ends because Temporal is away is started again, as a process manager would do.
   *
   * @throws Error with its last lines if it ends for another reason or takes too long
   */
  async start(): Promise<void> {
    const limit = AbortSignal.any([this.#signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
    while (!(await this.#startOnce(limit))) await sleep(RESTART_DELAY_MS);
  }

  /** @param mayBeForced whether the worker may have to cut short what it does. At rest, there is nothing of the kind. */
  async end(signal: 'SIGTERM' | 'SIGKILL', { mayBeForced = false } = {}): Promise<void> {
    this.isReady = false;
    this.strikes += 1;
    const sinceMs = performance.now();
    const exit = await this.#child?.end(signal);
    if (exit === undefined || signal === 'SIGKILL' || exit.code === 0) return;
    if (this.#temporal.wasAwaySince(sinceMs)) return;
    if (mayBeForced && exit.code === exitCodes.failed && this.#child?.lastLines().endsWith(FORCED)) {
      this.forcedEnds += 1;
      return;
    }
    const how = exit.signal ?? `exit code ${exit.code}`;
    this.#children.problems.push(
      `${this.name} ended with ${how} after ${signal}:\n${this.#child?.lastLines()}`,
    );
  }

  freeze(): void {
    this.isFrozen = true;
    this.strikes += 1;
    this.#child?.process.kill('SIGSTOP');
  }

  unfreeze(): void {
    this.#child?.process.kill('SIGCONT');
    this.isFrozen = false;
  }

  /** `undefined` if the worker does not answer in time. */
  async askResources(): Promise<ResourceAnswer | undefined> {
    const process = this.#child?.process;
    if (!process?.connected) return undefined;
    this.#asked += 1;
    const ask = this.#asked;
    const tooLong = new AbortController();
    const timer = setTimeout(() => tooLong.abort(), ANSWER_TIMEOUT_MS);
    try {
      process.send({ ask }, () => {});
      for (;;) {
        const [answer] = await once(process, 'message', { signal: tooLong.signal });
        if (answer.ask === ask) return answer;
      }
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Returns `false` if it ended because Temporal is away. */
  async #startOnce(limit: AbortSignal): Promise<boolean> {
    this.#signal.throwIfAborted();
    const sinceMs = performance.now();
    let markReady = () => {};
    const ready = new Promise<'ready'>((resolve) => {
      markReady = () => resolve('ready');
    });
    const mayExit = ({ code }: ChildExit) =>
      code === exitCodes.unreachable && this.#temporal.wasAwaySince(sinceMs);
    const child = this.#children.startNode(['--expose-gc', '--import', PRELOAD, WORKER], {
      name: this.name,
      env: this.#env,
      onLine: (line) => {
        this.log.push(line);
        if (line.includes('worker polls task queue')) markReady();
        const isTaskProblem = isWarning(line) && TASK_PROBLEM.test(line) && !this.#temporal.explains(line);
        if (isTaskProblem) this.taskProblems.push(`${this.name}: ${line}`);
      },
      mayExit,
    });
    this.#child = child;
    this.life += 1;
    const late = limit.aborted
      ? Promise.resolve('late' as const)
      : once(limit, 'abort').then(() => 'late' as const);
    const outcome = await Promise.race([ready, child.exited, late]);
    this.isReady = outcome === 'ready';
    if (outcome === 'ready') return true;
    if (outcome !== 'late' && mayExit(outcome)) return false;
    this.#signal.throwIfAborted();
    if (outcome === 'late') await child.end('SIGKILL');
    throw new Error(`${this.name} did not start: ${child.lastLines()}`);
  }
}

function isWarning(line: string): boolean {
  return /"level":"?(warn|error|40|50)/i.test(line);
}
