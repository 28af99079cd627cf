import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkflowBundleOption } from '@temporalio/worker';
import { z } from 'zod';
import { replayHistories } from '../../src/testing.js';

const HISTORIES = fileURLToPath(new URL('histories/', import.meta.url));

const named = z.looseObject({ name: z.string() });
/** The fields of an event, in Temporal's JSON, that the tests read. */
const eventSchema = z.looseObject({
  eventType: z.string(),
  workflowExecutionStartedEventAttributes: z.looseObject({ workflowType: named }).optional(),
  workflowTaskStartedEventAttributes: z
    .looseObject({ targetWorkerDeploymentVersionChanged: z.boolean().optional() })
    .optional(),
  workflowTaskFailedEventAttributes: z.looseObject({ cause: z.string() }).optional(),
  startChildWorkflowExecutionInitiatedEventAttributes: z.looseObject({ workflowId: z.string() }).optional(),
  activityTaskScheduledEventAttributes: z.looseObject({ activityType: named }).optional(),
  workflowExecutionSignaledEventAttributes: z.looseObject({ signalName: z.string() }).optional(),
  workflowExecutionUpdateAcceptedEventAttributes: z
    .looseObject({ acceptedRequest: z.looseObject({ input: z.looseObject({ name: z.string() }) }) })
    .optional(),
  upsertWorkflowSearchAttributesEventAttributes: z
    .looseObject({
      searchAttributes: z.looseObject({
        indexedFields: z.record(z.string(), z.looseObject({ data: z.string() })),
      }),
    })
    .optional(),
});
const historySchema = z.looseObject({ events: z.array(eventSchema).min(1) });
export type HistoryEvent = z.infer<typeof eventSchema>;

export interface RecordedHistory {
  /** Version and file, such as `0.1.0/held.json`. */
  readonly name: string;
  readonly text: string;
  readonly events: readonly HistoryEvent[];
}

export async function readHistories(): Promise<RecordedHistory[]> {
  const paths = await readdir(HISTORIES, { recursive: true });
  return await Promise.all(
    paths
      .filter((path) => path.endsWith('.json'))
      .sort()
      .map(readHistory),
  );
}

async function readHistory(name: string): Promise<RecordedHistory> {
  const text = await readFile(join(HISTORIES, name), 'utf8');
  return { name, text, events: historySchema.parse(JSON.parse(text)).events };
}

/** The errors of the recorded histories that do not replay on these workflows, by name. */
export async function replay(workflowBundle: WorkflowBundleOption): Promise<Map<string, unknown>> {
  const failures = new Map<string, unknown>();
  for (const version of await readdir(HISTORIES)) {
    try {
      await replayHistories({ histories: join(HISTORIES, version), workflowBundle });
    } catch (error) {
      if (!(error instanceof AggregateError)) throw error;
      for (const { message, cause } of error.errors) {
        failures.set(`${version}/${message.slice(0, message.indexOf(':'))}`, cause);
      }
    }
  }
  return failures;
}
