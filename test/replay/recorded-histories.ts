import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import proto from '@temporalio/proto';
import { type ReplayResult, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { z } from 'zod';

const HISTORIES = fileURLToPath(new URL('histories/', import.meta.url));

const named = z.looseObject({ name: z.string() });
/** The fields of an event, in Temporal's JSON, that the tests read. */
const eventSchema = z.looseObject({
  eventType: z.string(),
  workflowExecutionStartedEventAttributes: z
    .looseObject({ workflowId: z.string(), originalExecutionRunId: z.string(), workflowType: named })
    .optional(),
  workflowTaskStartedEventAttributes: z
    .looseObject({ targetWorkerDeploymentVersionChanged: z.boolean().optional() })
    .optional(),
  workflowTaskFailedEventAttributes: z.looseObject({ cause: z.string() }).optional(),
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
  readonly workflowId: string;
  readonly runId: string;
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
  const { events } = historySchema.parse(JSON.parse(text));
  const started = events[0]?.workflowExecutionStartedEventAttributes;
  if (started === undefined) throw new Error(`${name} does not begin with the start of a workflow`);
  return { name, text, events, workflowId: started.workflowId, runId: started.originalExecutionRunId };
}

type ProtoHistory = proto.temporal.api.history.v1.IHistory;

/*
 * The SDK reads JSON with its own copy of protobufjs, which does not know the types of another copy. npm installs more than one
 * if another package needs an older version.
 */
const { resolve } = createRequire(import.meta.url);
const protobufjs: { fromJson(type: object, json: unknown): ProtoHistory } = createRequire(
  resolve('@temporalio/proto'),
)('protobufjs/ext/protojson');

function parseHistory(text: string): ProtoHistory {
  return protobufjs.fromJson(proto.temporal.api.history.v1.History, JSON.parse(text));
}

/** The errors of the histories that do not replay on these workflows, by name. */
export async function replay(
  workflowBundle: WorkflowBundleOption,
  histories: readonly RecordedHistory[],
): Promise<Map<string, ReplayResult['error']>> {
  const toReplay = histories.map(({ workflowId, text }) => ({ workflowId, history: parseHistory(text) }));
  const failures = new Map<string, ReplayResult['error']>();
  for await (const { workflowId, runId, error } of Worker.runReplayHistories({ workflowBundle }, toReplay)) {
    const replayed = histories.find(
      (history) => history.workflowId === workflowId && history.runId === runId,
    );
    if (replayed === undefined) throw new Error(`There is no history of ${workflowId}, run ${runId}`);
    if (error !== undefined) failures.set(replayed.name, error);
  }
  return failures;
}
