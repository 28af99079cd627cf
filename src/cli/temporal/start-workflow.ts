import { WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { type SearchAttributePair, TypedSearchAttributes } from '@temporalio/common';
import { ExitError, exitCodes } from '../../exit.js';
import type { CollectFileInput, ParsedPipelineInput } from '../../shared/pipeline-input.js';
import type { Io } from '../io.js';
import { canonicalJson, sha256 } from './canonical-json.js';
import type { Session } from './connect.js';
import { isUnknownSearchAttribute } from './is-unknown-attribute.js';
import { missingSearchAttributes } from './search-attribute-registry.js';
import { uiLink } from './ui-link.js';

/** Field of the memo that tells whether a second start would do the same as the first. */
const INPUT_HASH = 'inputSha256';

export interface WorkflowToStart {
  readonly workflowType: string;
  readonly workflowId: string;
  readonly input: ParsedPipelineInput | CollectFileInput;
  /** One line for the Temporal UI, at most 400 bytes. */
  readonly summary: string;
  /** Markdown for the Temporal UI, at most 20,000 bytes. */
  readonly details: string;
  /** Set if the server knows them, by `setup`. */
  readonly searchAttributes: SearchAttributePair[];
  /** Of a workflow of the same id that has ended: whether it is run anew in any case, or only if it failed. */
  readonly again?: 'always' | 'if-failed' | undefined;
}

export interface StartedWorkflow {
  readonly handle: WorkflowHandle;
  readonly workflowType: string;
  readonly isNew: boolean;
  readonly isRunning: boolean;
}

/**
 * Starts a workflow, or finds the one that the same job has already; says which, and where to look at it.
 *
 * @throws Exit `usage` if its id belongs to a workflow of another type
 */
export async function startWorkflow(
  session: Session,
  io: Io,
  workflow: WorkflowToStart,
): Promise<StartedWorkflow> {
  const { stderr } = io;
  const { workflowId, workflowType } = workflow;
  const isNew = await tryStart(session, io, workflow);
  const handle = session.client.workflow.getHandle(workflowId);
  const description = isNew ? undefined : await handle.describe();
  if (description !== undefined && description.type !== workflowType) {
    throw new ExitError(exitCodes.usage, `"${workflowId}" is a workflow of type ${description.type}`);
  }
  const isRunning = description === undefined || description.status.name === 'RUNNING';
  const found = isRunning ? 'attached to' : 'ended already (--again runs it anew):';
  stderr.write(`${isNew ? 'started' : found} ${workflowId}\n`);
  const link = uiLink(session.config, workflowId);
  if (link !== undefined) stderr.write(`${link}\n`);
  const inputHash = description?.memo?.[INPUT_HASH];
  if (inputHash !== undefined && inputHash !== hash(workflow.input)) {
    stderr.write(
      'it was started with another input, which holds; add-files gives a running one further files\n',
    );
  }
  return { handle, workflowType, isNew, isRunning };
}

/** `false`: one of the same id is there, running or ended. */
async function tryStart(session: Session, { stderr }: Io, workflow: WorkflowToStart): Promise<boolean> {
  const { searchAttributes } = workflow;
  try {
    return await start(session, workflow, searchAttributes);
  } catch (error) {
    if (!isUnknownSearchAttribute(error)) throw error;
  }
  // Where nobody may list them, nobody knows which it was.
  const missing = await missingSearchAttributes(session).catch(() => undefined);
  const isKnown = ({ key }: SearchAttributePair) => missing?.every(({ name }) => name !== key.name);
  const known = searchAttributes.filter(isKnown);
  if (known.length > 0) {
    stderr.write(
      'some search attributes are not registered, so it may not be found (bctrl-temporal setup)\n',
    );
  }
  return await start(session, workflow, known);
}

async function start(
  { client, config }: Session,
  { workflowType, workflowId, input, summary, details, again }: WorkflowToStart,
  searchAttributes: SearchAttributePair[],
): Promise<boolean> {
  try {
    await client.workflow.start(workflowType, {
      workflowId,
      taskQueue: config.taskQueue,
      args: [input],
      staticSummary: summary,
      staticDetails: details,
      memo: { [INPUT_HASH]: hash(input) },
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

const reusePolicies = {
  never: 'REJECT_DUPLICATE',
  always: 'ALLOW_DUPLICATE',
  'if-failed': 'ALLOW_DUPLICATE_FAILED_ONLY',
} as const;

/** The same for inputs that ask for the same in another order. */
function hash(input: WorkflowToStart['input']): string {
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
