import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { toMessage } from '../../src/shared/display-text.js';
import type { FaultRule, InvocationOptions } from '../../src/testing.js';
import { findPort } from '../dev-server/find-port.js';
import type { Child, Children } from './children.js';
import type { ClockMessage, GatewayProcessInput } from './gateway-process.js';

const TSX = import.meta.resolve('tsx');
const SCRIPT = fileURLToPath(new URL('gateway-process.ts', import.meta.url));

/** `GET /v1/files` shows a file so long after it was made. The workers are told 5 s. */
export const LIST_LAG_MS = 3_000;

const REQUEST_TIMEOUT_MS = 5_000;

interface GatewaySettings {
  readonly workspaceDir: string;
  readonly storageDir: string;
  /** Of the fault rules' random numbers. */
  readonly seed: number;
}

/** The local gateway in its own process, which keeps its port, storage, clock and fault rules over restarts. */
export class GatewayServer {
  readonly #children: Children;
  readonly #settings: GatewaySettings;
  readonly port: number;
  #child: Child | undefined;
  #isReady = false;
  #rules: readonly FaultRule[] = [];
  #clockOffsetMs = 0;
  #maxClockOffsetMs = 0;

  private constructor(children: Children, settings: GatewaySettings, port: number) {
    this.#children = children;
    this.#settings = settings;
    this.port = port;
  }

  static async start(children: Children, settings: GatewaySettings): Promise<GatewayServer> {
    const gateway = new GatewayServer(children, settings, await findPort('127.0.0.1'));
    await gateway.start();
    return gateway;
  }

  get pid(): number | undefined {
    return this.#child?.hasExited() ? undefined : this.#child?.pid;
  }

  async start(): Promise<void> {
    let rules = this.#rules;
    const input: GatewayProcessInput = {
      ...this.#settings,
      port: this.port,
      // An API that refuses taken paths would prevent the duplicates by itself.
      onPathExists: 'keep-both',
      listLagMs: LIST_LAG_MS,
      faults: rules,
      clockOffsetMs: this.#clockOffsetMs,
    };
    const child = this.#children.startNode(['--import', TSX, SCRIPT, JSON.stringify(input)], {
      name: 'the gateway',
    });
    this.#child = child;
    const ended = child.exited.then(() => {
      throw new Error(`the gateway did not start: ${child.lastLines()}`);
    });
    await Promise.race([once(child.process, 'message'), ended]);
    // Others may have been set while it started.
    while (rules !== this.#rules) {
      rules = this.#rules;
      await this.#call('PUT', 'faults', rules);
    }
    this.#isReady = true;
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#isReady = false;
    await this.#child?.end(signal);
  }

  /** The rules hold as soon as the gateway runs. */
  async setRules(rules: readonly FaultRule[]): Promise<void> {
    this.#rules = rules;
    if (!this.#isReady) return;
    try {
      await this.#call('PUT', 'faults', rules);
    } catch (error) {
      // One that was ended meanwhile gets them when it starts.
      if (this.#isReady) throw error;
    }
  }

  /** A job that was made at a later time would run for hours, so a run ends with the furthest clock that there was. */
  setClock(offsetMs: number | 'furthest'): void {
    this.#clockOffsetMs = offsetMs === 'furthest' ? this.#maxClockOffsetMs : offsetMs;
    this.#maxClockOffsetMs = Math.max(this.#maxClockOffsetMs, this.#clockOffsetMs);
    const message: ClockMessage = { clockOffsetMs: this.#clockOffsetMs };
    if (this.#child?.process.connected) this.#child.process.send(message, () => {});
  }

  /** Returns the id of the job. */
  async createJob(options: InvocationOptions): Promise<string> {
    const { id } = (await this.#call('POST', 'invocations', options)) as { id: string };
    return id;
  }

  async #call(method: string, path: string, body: unknown): Promise<unknown> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), REQUEST_TIMEOUT_MS);
    try {
      const response = await fetch(`http://127.0.0.1:${this.port}/_gateway/${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: abort.signal,
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`the gateway responds ${response.status}: ${text}`);
      return text === '' ? undefined : JSON.parse(text);
    } catch (error) {
      throw new Error(`the gateway does not respond: ${toMessage(error)}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }
}
