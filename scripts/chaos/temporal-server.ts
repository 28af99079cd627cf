import { type DevServer, type DevServerOptions, startDevServer } from '../dev-server.js';

/** Each lasts up to a minute. */
const START_ATTEMPTS = 5;

/** The SDK fails a task whose history it cannot read; the server has a worker do it again. */
const UNREAD_HISTORY = 'Fetching history failed';

/** Longer than the SDK repeats a call, which is 10 s. */
const CALL_MS = 30_000;

/** A dev server that keeps its address and its database over restarts. */
export class TemporalServer {
  readonly #options: DevServerOptions;
  #server: DevServer | undefined;
  #port: number | undefined;
  /** When it went away, and when it was back; the last one may be open. By `performance.now()`. */
  readonly outages: { fromMs: number; toMs: number }[] = [];

  constructor(options: DevServerOptions) {
    this.#options = options;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Whether it was away at some moment since then. */
  wasAwaySince(sinceMs: number): boolean {
    return this.outages.some(({ toMs }) => toMs >= sinceMs);
  }

  /** Whether a workflow task failed at that time, in milliseconds since the epoch, because the server was away. */
  explains(problem: string, epochMs = Date.now()): boolean {
    const atMs = epochMs - performance.timeOrigin;
    const wasAway = this.outages.some(({ fromMs, toMs }) => fromMs <= atMs && toMs >= atMs - CALL_MS);
    return wasAway && problem.includes(UNREAD_HISTORY);
  }

  async start(): Promise<void> {
    this.#server = await this.#insist();
    this.#port = Number(this.#server.address.split(':')[1]);
    const outage = this.outages.at(-1);
    if (outage) outage.toMs = performance.now();
  }

  /** A busy machine may need longer than a server is given to start. Without it, nothing else of the run would end. */
  async #insist(): Promise<DevServer> {
    const port = this.#port === undefined ? {} : { port: this.#port };
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await startDevServer({ ...this.#options, ...port });
      } catch (error) {
        if (attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.outages.push({ fromMs: performance.now(), toMs: Number.POSITIVE_INFINITY });
    if (this.#server && signal === 'SIGKILL') process.kill(this.#server.pid, signal);
    await this.#server?.close();
  }
}
