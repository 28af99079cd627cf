import { WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { type SearchAttributePair, TypedSearchAttributes } from '@temporalio/common';
import { ExitError, exitCodes } from '../../exit.js';
import type { CollectFileInput, ParsedPipelineInput } from '../../shared/pipeline-input.js';
import type { Io } from '../io.js';
import { findMissingSearchAttributes, isUnknownSearchAttribute } from './search-attributes.js';
import { type Session, uiLink } from './session.js';
import { canonicalJson, sha256 } from './workflow-id.js';

/** Memo field with a hash of the input: it tells whether a second start has a different input. */
const INPUT_HASH = 'inputSha256';

export interface WorkflowToStart {
  readonly workflowType: string;
  readonly workflowId: string;
  /** Default: that of the configuration. */
  readonly taskQueue?: string | undefined;
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

export interface StartedWorkflow {
  readonly handle: WorkflowHandle;
  /** `false` if a workflow of this id was there before. */
  readonly isNew: boolean;
  readonly isRunning: boolean;
}

/**
 * Starts a workflow, or finds the one of the same id, and prints to stderr which of the two and its link.
 *
 * @throws ExitError `usage` if the id belongs to a workflow of another type
 */
export async function startWorkflow(
  session: Session,
  { stderr }: Io,
  workflow: WorkflowToStart,
): Promise<StartedWorkflow> {
  const { workflowId, workflowType } = workflow;
  const isNew = await tryStart(session, stderr, workflow);
  const handle = session.client.workflow.getHandle(workflowId);
  const description = isNew ? undefined : await handle.describe();
  if (description !== undefined && description.type !== workflowType) {
    throw new ExitError(exitCodes.usage, `"${workflowId}" is a workflow of type ${description.type}`);
  }
  const isRunning = description === undefined || description.status.name === 'RUNNING';
  const found = isRunning ? 'attached to' : 'already ended (--again runs it again):';
  stderr.write(`${isNew ? 'started' : found} ${workflowId}\n`);
  const link = uiLink(session, workflowId);
  if (link !== undefined) stderr.write(`${link}\n`);
  const inputHash = description?.memo?.[INPUT_HASH];
  if (inputHash !== undefined && inputHash !== hashInput(workflow.input)) {
    stderr.write('the workflow was started with a different input, which stays in effect (see add-files)\n');
  }
  return { handle, isNew, isRunning };
}

/** Returns `false` if a workflow of this id exists, running or ended. */
async function tryStart(session: Session, stderr: Io['stderr'], workflow: WorkflowToStart): Promise<boolean> {
  const { searchAttributes } = workflow;
  try {
    return await start(session, workflow, searchAttributes);
  } catch (error) {
    if (!isUnknownSearchAttribute(error)) throw error;
  }
  // Where clients may not list the search attributes, leave out all of them.
  const missing = await findMissingSearchAttributes(session).catch(() => undefined);
  const isKnown = ({ key }: SearchAttributePair) => missing?.every(({ name }) => name !== key.name);
  const known = searchAttributes.filter(isKnown);
  if (known.length > 0) {
    stderr.write(
      'some search attributes are not registered, so list may not find it (run bctrl-temporal setup)\n',
    );
  }
  return await start(session, workflow, known);
}

const reusePolicies = {
  never: 'REJECT_DUPLICATE',
  always: 'ALLOW_DUPLICATE',
  'if-failed': 'ALLOW_DUPLICATE_FAILED_ONLY',
} as const;

async function start(
  { client, config }: Session,
  { workflowType, workflowId, taskQueue, input, summary, details, again }: WorkflowToStart,
  searchAttributes: SearchAttributePair[],
): Promise<boolean> {
  try {
    await client.workflow.start(workflowType, {
      workflowId,
      taskQueue: taskQueue ?? config.taskQueue,
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
