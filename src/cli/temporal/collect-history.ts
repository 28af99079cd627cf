import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { isObject } from '../../shared/external-input.js';
import { fileKey, toCollectionKeyPrefix } from '../../shared/keys.js';
import { workflowIdQuery } from '../../shared/search-attributes.js';
import { decodePayloads } from './decode-payloads.js';
import { fetchEvents, type HistoryEvent } from './fetch-events.js';
import { unlessDeleted } from './find-pipelines.js';
import type { Session } from './session.js';

/** The clocks of Temporal and of the API differ by less. It only bounds how far back the API's list is read. */
const CLOCK_MARGIN_MS = 24 * 3_600_000;

/** What Temporal knows of the files of a workflow, in all of its runs that it still has. */
export interface CollectHistory {
  readonly runtimeId: string;
  /** The prefix of their collection keys. */
  readonly prefix: string;
  /** None of the files is older, as an RFC 3339 date-time. Unknown if Temporal has deleted the first run. */
  readonly createdAfter: string | undefined;
  /** Paths in the runtime, by file key. */
  readonly runtimePaths: ReadonlyMap<string, string>;
  /** Ids of the files that a report names. */
  readonly reportedIds: ReadonlySet<string>;
}

type ReadObject = (
  payloads: readonly Payload[] | null | undefined,
) => Promise<Readonly<Record<string, unknown>>>;

/**
 * Reads the histories of a workflow id: of runs that continue as new and of reruns too, which share the collection keys. The
 * inputs of the collect activities name all files, wherever the workflow had them from.
 *
 * @throws WorkflowNotFoundError if Temporal has deleted the newest run
 */
export async function readCollectHistory(
  session: Session,
  { workflowId, runId }: WorkflowExecutionDescription,
): Promise<CollectHistory> {
  /** The first payload, if it is an object. */
  const readObject: ReadObject = async (payloads) => {
    const [value] = await decodePayloads(session, payloads?.slice(0, 1));
    return isObject(value) ? value : {};
  };
  const newest = await fetchEvents(session, { workflowId, runId });
  const { runtimeId, prefix } = await readStart(workflowId, newest, readObject);
  const runtimePaths = new Map<string, string>();
  const reportedIds = new Set<string>();
  const firstRunId = prefix.slice(prefix.lastIndexOf('/') + 1);
  let startedMs: number | undefined;
  const read = async (events: readonly HistoryEvent[]) => {
    for (const event of events) {
      await addRuntimePaths(event, prefix, runtimePaths, readObject);
      await addReportedIds(event, reportedIds, readObject);
    }
  };
  await read(newest);
  // Visibility lags behind: it may not have the newest run yet.
  for await (const run of session.client.workflow.list({ query: workflowIdQuery(workflowId) })) {
    if (run.runId === firstRunId) startedMs = run.startTime.getTime();
    if (run.runId !== runId) await read((await unlessDeleted(fetchEvents(session, run))) ?? []);
  }
  const createdAfter =
    startedMs === undefined ? undefined : new Date(startedMs - CLOCK_MARGIN_MS).toISOString();
  return { runtimeId, prefix, createdAfter, runtimePaths, reportedIds };
}

async function readStart(workflowId: string, [started]: readonly HistoryEvent[], readObject: ReadObject) {
  const { input, firstExecutionRunId } = started?.workflowExecutionStartedEventAttributes ?? {};
  const { runtimeId, rerunOf } = await readObject(input?.payloads);
  const prefix =
    typeof rerunOf === 'string' ? rerunOf : toCollectionKeyPrefix(workflowId, firstExecutionRunId ?? '');
  return { runtimeId: String(runtimeId), prefix };
}

const collectActivities: readonly unknown[] = ['collectRuntimeFile', 'collectRuntimeFiles'];

async function addRuntimePaths(
  event: HistoryEvent,
  prefix: string,
  runtimePaths: Map<string, string>,
  readObject: ReadObject,
): Promise<void> {
  const { activityType, input } = event.activityTaskScheduledEventAttributes ?? {};
  if (!collectActivities.includes(activityType?.name)) return;
  const { collectionKey, files, ...file } = await readObject(input?.payloads);
  if (collectionKey !== prefix) return;
  for (const { runtimePath, destinationPath } of Array.isArray(files) ? files.filter(isObject) : [file]) {
    if (typeof runtimePath !== 'string') continue;
    const destination = typeof destinationPath === 'string' ? { destinationPath } : {};
    runtimePaths.set(fileKey({ runtimePath, ...destination }), runtimePath);
  }
}

/** A report is the result of a pipeline, or a detail of its failure. A single file is the result of its workflow. */
async function addReportedIds(
  event: HistoryEvent,
  reportedIds: Set<string>,
  readObject: ReadObject,
): Promise<void> {
  const completed = event.workflowExecutionCompletedEventAttributes?.result?.payloads;
  const failure = event.workflowExecutionFailedEventAttributes?.failure?.applicationFailureInfo;
  const { files, id } = await readObject(completed ?? failure?.details?.payloads);
  if (typeof id === 'string') reportedIds.add(id);
  for (const { fileId } of Array.isArray(files) ? files.filter(isObject) : []) {
    if (typeof fileId === 'string') reportedIds.add(fileId);
  }
}
