import { randomUUID } from 'node:crypto';
import { API_KEY, type GatewayLoad } from './gateway.js';
import { CONCURRENCY } from './options.js';
import type { Session } from './session.js';

export type LoopName = 'raw' | 'collect' | 'noop';

/** The argument of a loop's process. */
export interface LoopInput {
  readonly name: LoopName;
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly runtimeId: string;
  readonly concurrency: number;
  readonly calls: number;
  readonly warmUpCalls: number;
}

/** The last message of a loop's process. */
export interface LoopResult {
  readonly ms: number;
  /** CPU time of the loop's own process, as a share of one core. */
  readonly cpuShare: number;
}

export interface LoopFigures {
  readonly callsPerSecond: number;
  /** CPU time of the busiest client process, as a share of one core. */
  readonly clientCpuShare: number;
  readonly gateway: GatewayLoad;
}

/** Runs a loop in `clients` processes at the same time. */
export async function measureLoop(session: Session, name: LoopName, clients = 1): Promise<LoopFigures> {
  const { gateway, plan } = session;
  const loops = await Promise.all(Array.from({ length: clients }, () => startLoop(session, name)));
  const { result: results, load } = await gateway.observe(() =>
    Promise.all(
      loops.map(({ script }) => {
        const result = script.receive<LoopResult>();
        script.send({ start: true });
        return result;
      }),
    ),
  );
  for (const { script, runtimeId } of loops) {
    await script.end();
    await gateway.takeFiles(runtimeId);
  }
  const slowestMs = Math.max(...results.map(({ ms }) => ms));
  return {
    callsPerSecond: (clients * plan.calls * 1_000) / slowestMs,
    clientCpuShare: Math.max(...results.map(({ cpuShare }) => cpuShare)),
    gateway: load,
  };
}

async function startLoop({ processes, gateway, plan }: Session, name: LoopName) {
  const runtimeId = randomUUID();
  const { calls, warmUpCalls } = plan;
  const target = { gatewayUrl: gateway.url, apiKey: API_KEY, runtimeId };
  const input: LoopInput = { name, ...target, concurrency: CONCURRENCY, calls, warmUpCalls };
  const script = processes.startScript('loop-process.ts', input);
  await script.receive();
  return { script, runtimeId };
}
