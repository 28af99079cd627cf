import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { FaultRule } from '../../src/testing.js';
import type { ProxyMode } from './faulty-proxy.js';
import type { House } from './house.js';

/** Ends a fault. */
type End = () => Promise<void>;

/** A kind of fault. */
interface FaultKind {
  /** What it strikes. Faults of the same target do not overlap. */
  readonly target: 'worker' | 'Temporal' | 'gateway' | 'network' | 'responses' | 'clock';
  /** Bounds of its duration, in seconds. */
  readonly seconds: readonly [min: number, max: number];
  /** `undefined`: this machine cannot do it. */
  readonly begin: (house: House, strike: Strike) => Promise<End | undefined>;
}

interface Strike {
  /** The number of the worker that is struck, from 0. */
  readonly worker: number;
  /** From 0 to 1, for what else differs. */
  readonly chance: number;
}

type Signal = 'SIGTERM' | 'SIGKILL';

const endWorker = (signal: Signal): FaultKind['begin'] => {
  return async ({ workers }, { worker: index }) => {
    const worker = workers[index];
    await worker?.end(signal, { mayBeForced: true });
    return async () => await worker?.start();
  };
};

const endTemporal = (signal: Signal): FaultKind['begin'] => {
  return async ({ temporal }) => {
    await temporal.end(signal);
    return () => temporal.start();
  };
};

const endGateway = (signal: Signal): FaultKind['begin'] => {
  return async ({ gateway }) => {
    await gateway.end(signal);
    return () => gateway.start();
  };
};

const setMode = (mode: ProxyMode): FaultKind['begin'] => {
  return async ({ proxy }) => {
    await proxy.setMode(mode);
    return () => proxy.setMode('pass');
  };
};

/** The gateway's random numbers start afresh with its rules: a few requests pass first, so that each window hits others. */
const MAX_SKIPPED_REQUESTS = 16;

const setRules = (toRules: (chance: number) => FaultRule[]): FaultKind['begin'] => {
  return async ({ gateway }, { chance }) => {
    const skip = Math.floor(chance * MAX_SKIPPED_REQUESTS);
    await gateway.setRules(toRules(chance).map((rule) => ({ ...rule, skip })));
    return () => gateway.setRules([]);
  };
};

/** Connections are made and reset again. */
const RESET_INTERVAL_MS = 700;

const HOUR_MS = 3_600_000;

/** Below the size of most files and of the journal. */
const FULL_DISK_BYTES = 2_048;

/** Beyond the timeout of a request, and soon enough for the last lookup of a pipeline. */
export const LATE_MS = 17_000;

const html = '<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>';

const faultKinds = {
  'worker: SIGKILL': { target: 'worker', seconds: [1, 4], begin: endWorker('SIGKILL') },
  'worker: SIGTERM': { target: 'worker', seconds: [1, 4], begin: endWorker('SIGTERM') },
  'worker: frozen (SIGSTOP)': {
    target: 'worker',
    seconds: [3, 20],
    begin: async ({ workers }, { worker }) => {
      workers[worker]?.freeze();
      return async () => workers[worker]?.unfreeze();
    },
  },
  'Temporal: SIGKILL': { target: 'Temporal', seconds: [1, 4], begin: endTemporal('SIGKILL') },
  'Temporal: SIGTERM': { target: 'Temporal', seconds: [1, 4], begin: endTemporal('SIGTERM') },
  'gateway: SIGKILL': { target: 'gateway', seconds: [1, 4], begin: endGateway('SIGKILL') },
  'gateway: SIGTERM': { target: 'gateway', seconds: [1, 4], begin: endGateway('SIGTERM') },
  'gateway: disk full': {
    target: 'gateway',
    seconds: [3, 8],
    begin: async ({ gateway }) => {
      const { pid } = gateway;
      if (pid === undefined) return undefined;
      const limit = (size: string) => promisify(execFile)('prlimit', [`--pid=${pid}`, `--fsize=${size}:`]);
      try {
        await limit(String(FULL_DISK_BYTES));
      } catch {
        return undefined;
      }
      return async () => void (await limit('unlimited'));
    },
  },
  'network: resets': {
    target: 'network',
    seconds: [2, 6],
    begin: async ({ proxy }) => {
      const timer = setInterval(() => proxy.reset(), RESET_INTERVAL_MS);
      return async () => clearInterval(timer);
    },
  },
  'network: half-open connections': { target: 'network', seconds: [3, 12], begin: setMode('silent') },
  'network: slow': { target: 'network', seconds: [4, 10], begin: setMode('slow') },
  'network: stuck responses': { target: 'network', seconds: [3, 12], begin: setMode('stuck') },
  'network: connection refused': { target: 'network', seconds: [2, 10], begin: setMode('refuse') },
  'responses: 429 with Retry-After': {
    target: 'responses',
    seconds: [4, 10],
    begin: setRules((chance) => {
      const headers = { 'retry-after': String(1 + Math.floor(chance * 3)) };
      return [{ operation: '*', share: 0.7, fault: { kind: 'respond', status: 429, headers } }];
    }),
  },
  "responses: a CDN's 520 to 530": {
    target: 'responses',
    seconds: [4, 10],
    begin: setRules((chance) => {
      const status = 520 + Math.floor(chance * 11);
      const body = `error code: ${status}`;
      return [
        { operation: '*', share: 0.6, fault: { kind: 'respond', status, body, contentType: 'text/plain' } },
      ];
    }),
  },
  'responses: 502 in HTML': {
    target: 'responses',
    seconds: [4, 10],
    begin: setRules(() => [
      {
        operation: '*',
        share: 0.6,
        fault: { kind: 'respond', status: 502, body: html, contentType: 'text/html' },
      },
    ]),
  },
  'responses: lost': {
    target: 'responses',
    seconds: [4, 10],
    begin: setRules(() => [{ operation: '*', share: 0.4, fault: { kind: 'drop-response' } }]),
  },
  'responses: cut off or not JSON': {
    target: 'responses',
    seconds: [3, 6],
    begin: setRules(() => [
      { operation: 'collect', share: 0.2, fault: { kind: 'truncated-response' } },
      { operation: 'collect', share: 0.2, fault: { kind: 'malformed-response' } },
    ]),
  },
  'responses: too late': {
    target: 'responses',
    seconds: [3, 8],
    begin: setRules(() => [{ operation: 'collect', share: 0.3, fault: { kind: 'delay', delayMs: LATE_MS } }]),
  },
  'clock of the API: jumps': {
    target: 'clock',
    seconds: [5, 20],
    begin: async ({ gateway }, { chance }) => {
      gateway.setClock(Math.round((chance * 6 - 3) * HOUR_MS));
      return async () => gateway.setClock(0);
    },
  },
} satisfies Record<string, FaultKind>;

export type FaultName = keyof typeof faultKinds;

export const faultNames = Object.keys(faultKinds) as FaultName[];

export function getFaultKind(name: FaultName): FaultKind {
  return faultKinds[name];
}
