import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { type CountedEvent, countActions } from './count-actions.js';

/** What Temporal knows of a workflow that has ended, over all its runs. */
export interface Execution {
  /** From the start of the first run to the end of the last, by the server's clock. */
  readonly ms: number;
  readonly runs: number;
  readonly events: number;
  readonly historyBytes: number;
  /** Those that leave an event, so without heartbeats. */
  readonly actions: number;
}

type Events = NonNullable<
  Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']
>;

export async function readExecution(client: Client, workflowId: string): Promise<Execution> {
  let [runs, events, historyBytes, actions, startMs, endMs] = [0, 0, 0, 0, 0, 0];
  let runId: string | undefined;
  do {
    const handle = client.workflow.getHandle(workflowId, runId);
    const run = await handle.describe();
    const history = (await handle.fetchHistory()).events ?? [];
    runs += 1;
    events += run.historyLength;
    historyBytes += historyBytesOf(run);
    actions += countActions(history.map(toCountedEvent));
    startMs = run.startTime.getTime();
    endMs ||= Number(run.closeTime);
    runId = history[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId || undefined;
  } while (runId !== undefined);
  return { ms: endMs - startMs, runs, events, historyBytes, actions };
}

function historyBytesOf({ historySize, workflowId }: WorkflowExecutionDescription): number {
  if (historySize === undefined)
    throw new Error(`The server does not tell the history size of ${workflowId}`);
  return historySize;
}

/** An event has one set of attributes, named after its kind: `timerStartedEventAttributes`. */
function toCountedEvent(event: Events[number]): CountedEvent {
  const [name = '', attributes] =
    Object.entries(event).find(([key, value]) => key.endsWith('EventAttributes') && value) ?? [];
  const { workflowTaskCompletedEventId, attempt } = attributes as {
    workflowTaskCompletedEventId?: unknown;
    attempt?: number | null;
  };
  return {
    kind: name.replace(/EventAttributes$/, ''),
    attempt: attempt ?? undefined,
    workflowTaskCompletedEventId: workflowTaskCompletedEventId
      ? String(workflowTaskCompletedEventId)
      : undefined,
  };
}
