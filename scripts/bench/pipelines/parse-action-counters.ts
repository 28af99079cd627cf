export interface ActionCounters {
  readonly all: number;
  readonly heartbeats: number;
}

/** The counter `action` in a Temporal server's Prometheus metrics, for the namespace `default`. */
export function parseActionCounters(metrics: string): ActionCounters {
  let [all, heartbeats] = [0, 0];
  for (const [, labels = '', count] of metrics.matchAll(/^action\{(.*)\} (\S+)$/gm)) {
    if (!labels.includes('namespace="default"')) continue;
    all += Number(count);
    if (labels.includes('action_type="grpc_RecordActivityTaskHeartbeat')) heartbeats += Number(count);
  }
  return { all, heartbeats };
}
