import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { formatCount } from '../../shared/display-text.js';
import type { PipelineFilter } from '../../shared/search-attributes.js';
import { confirm } from '../input/confirm.js';
import { type Io, writeJson } from '../io.js';
import { formatStatus } from '../output/format.js';
import { createStyle, tableLines, writeLines } from '../output/lines.js';
import { findPipeline, listPipelines, type WorkflowRef } from '../temporal/find-pipelines.js';
import { type Session, toExitError, withTemporal } from '../temporal/session.js';

/** Options that select pipelines. */
export interface SelectOptions {
  readonly allHeld?: boolean;
  readonly runtime?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** What a command does to each pipeline. */
export interface PipelineAction<T extends object> {
  /** As in "resume 3 pipelines?". */
  readonly verb: string;
  /** The outcome of a pipeline when the action succeeded. */
  readonly pastTense: string;
  /** Select only pipelines that are held. */
  readonly isForHeld?: boolean;
  /** @throws ExitError `unreachable` if the outcome is unknown, any other code if the action is refused */
  readonly run: (session: Session, pipeline: WorkflowRef) => Promise<T>;
  /** The result in a few words. */
  readonly describe?: (result: T) => string;
}

interface Outcome {
  readonly workflowId: string;
  readonly outcome: string;
  /** Further fields of the JSON document. */
  readonly fields: object;
  readonly text: string;
  readonly code: ExitCode;
}

/**
 * Runs an action for the named or selected pipelines, one after the other, and asks for confirmation if there are several.
 *
 * @returns the exit code of the first pipeline that failed
 */
export async function forEachPipeline<T extends object>(
  io: Io,
  workflowIds: readonly string[],
  options: SelectOptions,
  action: PipelineAction<T>,
): Promise<ExitCode> {
  const isSelected = options.allHeld || options.runtime !== undefined;
  if (isSelected === workflowIds.length > 0) {
    throw new ExitError(exitCodes.usage, 'expected either workflow ids, or --all-held or --runtime');
  }
  return await withTemporal(io, async (session) => {
    const ids = isSelected ? await select(session, options, action) : [...new Set(workflowIds)];
    if (ids.length > 1 && !options.yes) {
      await confirm(io, `${action.verb} ${formatCount(ids.length)} pipelines?`);
    }
    const outcomes: Outcome[] = [];
    for (const workflowId of ids) {
      if (io.interrupted.aborted) return exitCodes.interrupted;
      const outcome = await runAction(session, workflowId, action);
      outcomes.push(outcome);
      if (!options.json) printOutcome(io, outcome);
    }
    if (options.json) writeJson(io, { pipelines: outcomes.map(toJson) });
    else if (ids.length === 0) io.stderr.write(`no pipelines to ${action.verb}\n`);
    return outcomes.find(({ code }) => code !== exitCodes.done)?.code ?? exitCodes.done;
  });
}

async function select(
  session: Session,
  { allHeld, runtime }: SelectOptions,
  { isForHeld }: Pick<PipelineAction<object>, 'isForHeld'>,
): Promise<string[]> {
  const phase = allHeld || isForHeld ? 'held' : undefined;
  const filter: PipelineFilter = { running: true, runtimeId: runtime, phase };
  const ids: string[] = [];
  for await (const { workflowId } of listPipelines(session, filter)) ids.push(workflowId);
  return ids;
}

async function runAction<T extends object>(
  session: Session,
  workflowId: string,
  { run, pastTense, describe }: PipelineAction<T>,
): Promise<Outcome> {
  let isSent = false;
  try {
    const pipeline = await findRunning(session, workflowId);
    isSent = true;
    const fields = await run(session, pipeline);
    const text = describe?.(fields) ?? '';
    return { workflowId, outcome: pastTense, fields, text, code: exitCodes.done };
  } catch (error) {
    const exitError = toExitError(error, session.config);
    if (exitError === undefined) throw error;
    const { code, message } = exitError;
    const outcome = isSent && code === exitCodes.unreachable ? 'unknown' : 'refused';
    return { workflowId, outcome, fields: { message }, text: message, code };
  }
}

async function findRunning(session: Session, workflowId: string): Promise<WorkflowRef> {
  const found = await findPipeline(session, workflowId);
  const status = formatStatus(found.description);
  if (status === 'running') return found;
  throw new ExitError(exitCodes.usage, `already ended: ${status}`);
}

function toJson({ workflowId, outcome, fields }: Outcome): object {
  return { workflowId, outcome, ...fields };
}

function printOutcome({ stdout }: Io, { workflowId, outcome, text, code }: Outcome): void {
  const color = code === exitCodes.done ? 'green' : 'red';
  writeLines(stdout, tableLines([[createStyle(stdout)(color, outcome), workflowId, text]]));
}
