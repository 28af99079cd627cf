import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from './session.js';

/** The server publishes its counters once a second. */
const PUBLISHING_LAG_MS = 2_500;

/** Temporal Actions by the server's own count. */
export interface ActionCounters {
  /** All of them, heartbeats included. */
  readonly actions: number;
  /** Heartbeats that reached the server. They leave no event. */
  readonly heartbeats: number;
}

/** What a workflow cost Temporal, over all its runs. */
export interface Execution extends ActionCounters {
  /** From the start of the first run to the end of the last, by the server's clock. */
  readonly ms: number;
  readonly runs: number;
  readonly events: number;
  readonly historyBytes: number;
}

/** Measures the workflow whose id `work` returns. Nothing else may use the server meanwhile. */
export async function measureExecution(session: Session, work: () => Promise<string>): Promise<Execution> {
  const before = await readActionCounters(session);
  const workflowId = await work();
  const after = await readActionCounters(session);
  return {
    ...(await readHistory(session, workflowId)),
    actions: after.actions - before.actions,
    heartbeats: after.heartbeats - before.heartbeats,
  };
}

async function readHistory({ client }: Session, workflowId: string) {
  let [runs, events, historyBytes, startMs, endMs] = [0, 0, 0, 0, 0];
  let runId: string | undefined;
  do {
    const handle = client.workflow.getHandle(workflowId, runId);
    const run = await handle.describe();
    if (run.historySize === undefined) throw new Error(`The history size of ${workflowId} is unknown`);
    runs += 1;
    events += run.historyLength;
    historyBytes += run.historySize;
    startMs = run.startTime.getTime();
    endMs ||= Number(run.closeTime);
    const [started] = (await handle.fetchHistory()).events ?? [];
    runId = started?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
  } while (runId !== undefined);
  return { ms: endMs - startMs, runs, events, historyBytes };
}

/** The counters now, after the server has published what happened before. */
export async function readActionCounters({
  server,
  signal,
}: Pick<Session, 'server' | 'signal'>): Promise<ActionCounters> {
  await sleep(PUBLISHING_LAG_MS, undefined, { signal });
  const response = await fetch(String(server.metricsUrl), { signal });
  return parseActionCounters(await response.text());
}

/** Reads the counter `action` of the namespace `default` from the server's Prometheus metrics. */
export function parseActionCounters(metrics: string): ActionCounters {
  let [actions, heartbeats] = [0, 0];
  for (const [, labels = '', count] of metrics.matchAll(/^action\{(.*)\} (\S+)$/gm)) {
    if (!labels.includes('namespace="default"')) continue;
    actions += Number(count);
    if (labels.includes('action_type="grpc_RecordActivityTaskHeartbeat')) heartbeats += Number(count);
  }
  return { actions, heartbeats };
}
