import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../session.js';
import { type ActionCounters, parseActionCounters } from './parse-action-counters.js';

/** The server publishes its counters once a second. */
const PUBLISHING_LAG_MS = 2_500;

export interface ServerActions {
  /** Heartbeats that reached the server; they are billed, but leave no event. */
  readonly heartbeats: number;
  /** All Actions by the server's own count, heartbeats included. */
  readonly serverActions: number;
}

/** Runs `work` and tells what the Temporal server counted meanwhile. Nothing else may use the server. */
export async function countServerActions<T>(
  session: Session,
  work: () => Promise<T>,
): Promise<{ result: T; actions: ServerActions }> {
  const before = await readCounters(session);
  const result = await work();
  const after = await readCounters(session);
  return {
    result,
    actions: {
      heartbeats: after.heartbeats - before.heartbeats,
      serverActions: after.all - before.all,
    },
  };
}

async function readCounters({ server, signal }: Session): Promise<ActionCounters> {
  await sleep(PUBLISHING_LAG_MS, undefined, { signal });
  const answer = await fetch(server.metricsUrl, { signal });
  return parseActionCounters(await answer.text());
}
