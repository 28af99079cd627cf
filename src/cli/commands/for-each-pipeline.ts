import stringWidth from 'string-width';
import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { formatCount } from '../../shared/display-text.js';
import type { PipelineFilter } from '../../shared/search-attributes.js';
import { confirm } from '../input/confirm.js';
import { type Io, writeJson } from '../io.js';
import { formatStatus } from '../output/format.js';
import { createStyle, terminalColumns, writeLines } from '../output/lines.js';
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

/** How a command acts on pipelines in whatever state. */
export interface BulkAction<T extends object>
  extends Pick<PipelineAction<T>, 'verb' | 'pastTense' | 'describe'> {
  /**
   * Returns what acts on the pipeline, as `run` of a `PipelineAction`. Nothing is sent before that is called.
   *
   * @throws ExitError if the action is refused for the pipeline
   */
  readonly prepare: (session: Session, pipeline: WorkflowRef) => Promise<() => Promise<T>>;
  /** The action changes nothing, so nobody has to confirm it. */
  readonly isDryRun?: boolean | undefined;
  /** What to say if there is no pipeline to act on. */
  readonly none?: string;
  /** Waits for what the action has set going. */
  readonly finish?: ((session: Session, outcome: Outcome) => Promise<Outcome>) | undefined;
}

/** What became of one pipeline. */
export interface Outcome {
  readonly workflowId: string;
  readonly outcome: string;
  /** Further fields of the JSON document. */
  readonly fields: object;
  readonly text: string;
  readonly code: ExitCode;
}

/**
 * Runs an action for the named or selected running pipelines, one after the other, and asks for confirmation if there are several.
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
    const ids = isSelected ? await select(session, options, action) : workflowIds;
    const prepare = async (_: Session, pipeline: WorkflowRef) => {
      assertRunning(pipeline);
      return () => action.run(session, pipeline);
    };
    return await runForEach(session, io, ids, options, { ...action, prepare });
  });
}

/** Runs an action for each of these pipelines, and prints what became of each. */
export async function runForEach<T extends object>(
  session: Session,
  io: Io,
  workflowIds: readonly string[],
  { yes, json }: { readonly yes?: boolean | undefined; readonly json?: boolean | undefined },
  action: BulkAction<T>,
): Promise<ExitCode> {
  const { verb, none, finish } = action;
  const ids = [...new Set(workflowIds)];
  if (ids.length > 1 && !yes && !action.isDryRun) {
    await confirm(io, `${verb} ${formatCount(ids.length)} pipelines?`);
  }
  let outcomes: Outcome[] = [];
  const add = (outcome: Outcome) => {
    outcomes.push(outcome);
    if (!json) printOutcome(io, outcome);
  };
  for (const workflowId of ids) {
    if (io.interrupted.aborted) return exitCodes.interrupted;
    add(await runAction(session, workflowId, action));
  }
  if (finish) {
    const [refused, acted] = [outcomes.filter(isProblem), outcomes.filter((each) => !isProblem(each))];
    outcomes = refused;
    for (const outcome of acted) add(await finish(session, outcome));
  }
  if (json) writeJson(io, { pipelines: outcomes.map(toJson) });
  else if (ids.length === 0) io.stderr.write(`${none ?? `no pipelines to ${verb}`}\n`);
  return outcomes.find(isProblem)?.code ?? exitCodes.done;
}

function isProblem({ code }: Outcome): boolean {
  return code !== exitCodes.done;
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
  { prepare, pastTense, describe }: BulkAction<T>,
): Promise<Outcome> {
  let isSent = false;
  try {
    const act = await prepare(session, await findPipeline(session, workflowId));
    isSent = true;
    const fields = await act();
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

function assertRunning({ description }: WorkflowRef): void {
  const status = formatStatus(description);
  if (status !== 'running') throw new ExitError(exitCodes.usage, `already ended: ${status}`);
}

function toJson({ workflowId, outcome, fields }: Outcome): object {
  return { workflowId, outcome, ...fields };
}

/** On a terminal where the whole does not fit into a line, the id has a line of its own. */
function printOutcome({ stdout }: Io, { workflowId, outcome, text, code }: Outcome): void {
  const head = createStyle(stdout)(code === exitCodes.done ? 'green' : 'red', outcome);
  const whole = [head, workflowId, ...(text === '' ? [] : [text])].join('  ');
  const fits = stringWidth(whole) <= (terminalColumns(stdout) ?? Number.POSITIVE_INFINITY);
  const below = { text: `${head}  ${text}`, suffix: workflowId, isSuffixBelow: true };
  writeLines(stdout, [fits ? { text: whole } : below]);
}
