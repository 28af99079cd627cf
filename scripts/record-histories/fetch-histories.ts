import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';

const historySchema = z.looseObject({
  events: z.array(
    z.looseObject({
      workflowExecutionContinuedAsNewEventAttributes: z
        .looseObject({ newExecutionRunId: z.string() })
        .optional(),
    }),
  ),
});
export type History = z.infer<typeof historySchema>;

/** The histories of a run and of those that continue it, as `temporal workflow show --output json` prints them. */
export async function fetchHistories(
  executable: string,
  address: string,
  workflowId: string,
  firstRunId: string,
): Promise<History[]> {
  const histories: History[] = [];
  for (let runId: string | undefined = firstRunId; runId !== undefined; ) {
    const execution = ['--workflow-id', workflowId, '--run-id', runId];
    const args = ['workflow', 'show', '--address', address, ...execution, '--output', 'json'];
    const { stdout } = await promisify(execFile)(executable, args);
    const history = historySchema.parse(JSON.parse(stdout));
    histories.push(history);
    runId = history.events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  return histories;
}

/** A history as text, an event per line, without the stack traces, which name folders of this machine and which no replay reads. */
export function formatHistory({ events }: History): string {
  const lines = events.map((event) =>
    JSON.stringify(event, (key, value) => (key === 'stackTrace' ? undefined : value)),
  );
  return `{"events":[\n${lines.join(',\n')}\n]}\n`;
}
