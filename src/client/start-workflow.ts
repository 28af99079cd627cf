import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { type SearchAttributePair, TypedSearchAttributes } from '@temporalio/common';
import type { CollectFileInput, ParsedPipelineInput } from '../shared/pipeline-input.js';
import { findUnusableSearchAttributes, isUnknownSearchAttribute } from './search-attributes.js';
import { canonicalJson, sha256 } from './workflow-id.js';

/** Memo field with a hash of the input: it tells whether a second start has a different input. */
const INPUT_HASH = 'inputSha256';

export interface WorkflowToStart {
  readonly workflowType: string;
  readonly workflowId: string;
  readonly taskQueue: string;
  readonly input: ParsedPipelineInput | CollectFileInput;
  /** One line for the Temporal UI, at most 400 bytes. */
  readonly summary: string;
  /** Markdown for the Temporal UI, at most 20,000 bytes. */
  readonly details: string;
  /** Attributes that are not registered are left out. */
  readonly searchAttributes: SearchAttributePair[];
  /** Whether to run a workflow again that has ended under this id. Default: never. */
  readonly again?: 'always' | 'if-failed' | undefined;
}

/** What a start did or found. */
export interface StartResult {
  /** `false` if a workflow of this id was there before, running or ended. */
  readonly isNew: boolean;
  /** `false` if the workflow that was there before has ended. */
  readonly isRunning: boolean;
  /** `true` if the workflow that was there before was started with a different input, which stays in effect. */
  readonly inputDiffers: boolean;
  /**
   * Names of search attributes that the namespace does not have, so that the workflow was started without them. All of them
   * where the server does not let clients list them, as Temporal Cloud, and one is missing.
   */
  readonly unregisteredSearchAttributes: readonly string[];
}

/**
 * Starts a workflow, or finds the one of the same id.
 *
 * @throws WorkflowExecutionAlreadyStartedError if the id belongs to a workflow of another type
 */
export async function startWorkflow(client: Client, workflow: WorkflowToStart): Promise<StartResult> {
  const { workflowId, workflowType, input } = workflow;
  const { isNew, unregisteredSearchAttributes } = await tryStart(client, workflow);
  if (isNew) return { isNew, isRunning: true, inputDiffers: false, unregisteredSearchAttributes };
  const { type, status, memo } = await client.workflow.getHandle(workflowId).describe();
  if (type !== workflowType) {
    const problem = `"${workflowId}" is a workflow of type ${type}`;
    throw new WorkflowExecutionAlreadyStartedError(problem, workflowId, type);
  }
  const inputHash = memo?.[INPUT_HASH];
  return {
    isNew,
    isRunning: status.name === 'RUNNING',
    inputDiffers: inputHash !== undefined && inputHash !== hashInput(input),
    unregisteredSearchAttributes,
  };
}

async function tryStart(
  client: Client,
  workflow: WorkflowToStart,
): Promise<Pick<StartResult, 'isNew' | 'unregisteredSearchAttributes'>> {
  const { searchAttributes } = workflow;
  try {
    return { isNew: await start(client, workflow, searchAttributes), unregisteredSearchAttributes: [] };
  } catch (error) {
    if (!isUnknownSearchAttribute(error)) throw error;
  }
  const isUsable = await searchAttributeFilter(client);
  const isNew = await start(client, workflow, searchAttributes.filter(isUsable));
  const unregistered = searchAttributes.filter((pair) => !isUsable(pair));
  return { isNew, unregisteredSearchAttributes: unregistered.map(({ key }) => key.name) };
}

/** Where clients may not list the search attributes, none counts as usable. */
async function searchAttributeFilter(client: Client): Promise<(pair: SearchAttributePair) => boolean> {
  const found = await findUnusableSearchAttributes(client).catch(() => undefined);
  if (found === undefined) return () => false;
  const unusable = [...found.missing, ...found.mistyped].map(({ name }) => name);
  return ({ key }) => !unusable.includes(key.name);
}

const reusePolicies = {
  never: 'REJECT_DUPLICATE',
  always: 'ALLOW_DUPLICATE',
  'if-failed': 'ALLOW_DUPLICATE_FAILED_ONLY',
} as const;

/** Returns `false` if a workflow of this id exists, running or ended. */
async function start(
  client: Client,
  { workflowType, workflowId, taskQueue, input, summary, details, again }: WorkflowToStart,
  searchAttributes: SearchAttributePair[],
): Promise<boolean> {
  try {
    await client.workflow.start(workflowType, {
      workflowId,
      taskQueue,
      args: [input],
      staticSummary: summary,
      staticDetails: details,
      memo: { [INPUT_HASH]: hashInput(input) },
      typedSearchAttributes: new TypedSearchAttributes(searchAttributes),
      workflowIdReusePolicy: reusePolicies[again ?? 'never'],
      workflowIdConflictPolicy: 'FAIL',
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw error;
  }
}

/** The hash does not depend on the order of files, invocations and fields. */
function hashInput(input: WorkflowToStart['input']): string {
  if (!('files' in input)) return sha256(canonicalJson(input));
  const { files, waitFor } = input;
  const invocationIds = waitFor?.invocationIds?.toSorted();
  return sha256(
    canonicalJson({
      ...input,
      files: files.map(canonicalJson).sort(),
      waitFor: waitFor && { ...waitFor, invocationIds },
    }),
  );
}
