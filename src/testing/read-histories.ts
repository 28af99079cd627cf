import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import type { HistoryAndWorkflowId } from '@temporalio/client';
import { z } from 'zod';
import { isObject } from '../shared/external-input.js';

/** A history of a file or of a client, as the SDK replays it. */
export interface NamedHistory extends HistoryAndWorkflowId {
  /** The file, or the id of the workflow. */
  readonly name: string;
}

/** Temporal's JSON, in which ids of events are texts. */
const jsonHistorySchema = z.looseObject({
  events: z.array(z.looseObject({ eventId: z.string() })).min(1),
});
type JsonHistory = z.infer<typeof jsonHistorySchema>;

/**
 * Reads the histories of a folder, one after the other.
 *
 * @throws Error if there are none, or naming the file that is none
 */
export async function* readHistories(folder: string): AsyncGenerator<NamedHistory> {
  const names = (await readdir(folder)).filter((file) => file.endsWith('.json')).toSorted();
  if (names.length === 0) throw new Error(`there are no histories (*.json) in ${folder}`);
  const fromJson = createHistoryReader();
  for (const name of names) {
    const json = await readJsonHistory(join(folder, name));
    const workflowId = readWorkflowId(json) ?? basename(name, '.json');
    yield { name, workflowId, history: fromJson(json) };
  }
}

/** Names histories by their workflows. Those in Temporal's JSON are converted. */
export async function* nameHistories(
  histories: Iterable<HistoryAndWorkflowId> | AsyncIterable<HistoryAndWorkflowId>,
): AsyncGenerator<NamedHistory> {
  const fromJson = createHistoryReader();
  for await (const { workflowId, history } of histories) {
    const { data: json } = jsonHistorySchema.safeParse(history);
    yield { name: workflowId, workflowId, history: json ? fromJson(json) : history };
  }
}

async function readJsonHistory(path: string): Promise<JsonHistory> {
  const text = await readFile(path, 'utf8');
  try {
    return jsonHistorySchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${path} is not the history of a workflow in Temporal's JSON`, { cause });
  }
}

/** The workflow code may use its id, for the id of a child workflow for example. */
function readWorkflowId({ events: [started] }: JsonHistory): string | undefined {
  const attributes = started?.['workflowExecutionStartedEventAttributes'];
  const workflowId = isObject(attributes) ? attributes['workflowId'] : undefined;
  return typeof workflowId === 'string' ? workflowId : undefined;
}

/**
 * Creates a reader of Temporal's JSON. The SDK's own reader fails where npm installs several copies of protobufjs, as it does
 * beside OpenTelemetry: it looks for the SDK's types in another copy. This one uses the copy that the types are made of.
 */
function createHistoryReader(): (json: JsonHistory) => unknown {
  const ofThisPackage = createRequire(import.meta.url);
  const ofWorker = createRequire(ofThisPackage.resolve('@temporalio/worker'));
  const ofProto = createRequire(ofWorker.resolve('@temporalio/proto'));
  const readerPath = findModule(ofProto, 'protobufjs/ext/protojson');
  // Older SDKs have a reader of another package, which works with every copy.
  if (readerPath === undefined) return (json) => json;
  const { temporal } = ofWorker('@temporalio/proto');
  const { fromJson } = ofProto(readerPath);
  // A newer server may have written fields that this SDK does not know.
  return (json) => fromJson(temporal.api.history.v1.History, json, { ignoreUnknownFields: true });
}

function findModule({ resolve }: NodeJS.Require, name: string): string | undefined {
  try {
    return resolve(name);
  } catch {
    return undefined;
  }
}
