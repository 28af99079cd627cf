import { randomUUID } from 'node:crypto';
import { API_KEY, type GatewayLoad } from '../gateway/gateway.js';
import { CONCURRENCY } from '../plan.js';
import { startScript } from '../script.js';
import type { Session } from '../session.js';
import type { LoopInput, LoopResult } from './run-loop.js';

export interface LoopFigures {
  readonly callsPerSecond: number;
  /** Of each client process, as a share of one core. */
  readonly clientCpuShare: number;
  readonly gateway: GatewayLoad;
}

/** Runs one of the loops in this folder, in `clients` processes at the same time. */
export async function measureLoop(session: Session, name: string, clients = 1): Promise<LoopFigures> {
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
    await gateway.takeBooks(runtimeId);
  }
  const slowestMs = Math.max(...results.map(({ ms }) => ms));
  return {
    callsPerSecond: (clients * plan.calls * 1_000) / slowestMs,
    clientCpuShare: Math.max(...results.map(({ cpuShare }) => cpuShare)),
    gateway: load,
  };
}

async function startLoop({ processes, gateway, plan }: Session, name: string) {
  const runtimeId = randomUUID();
  const input: LoopInput = {
    gatewayUrl: gateway.url,
    apiKey: API_KEY,
    runtimeId,
    concurrency: CONCURRENCY,
    calls: plan.calls,
    warmUpCalls: plan.warmUpCalls,
  };
  const script = startScript(processes, `loops/${name}.ts`, input);
  await script.receive();
  return { script, runtimeId };
}
