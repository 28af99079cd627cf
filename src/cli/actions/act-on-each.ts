import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { formatCount } from '../../shared/format-count.js';
import type { PipelineFilter } from '../../shared/visibility-query.js';
import { confirm } from '../input/confirm.js';
import { type Io, writeJson } from '../io.js';
import { colorsOf, writeLines } from '../show/lines.js';
import { statusOf } from '../show/status-of.js';
import { tableLines } from '../show/table.js';
import { type Session, toExitError, withTemporal } from '../temporal/connect.js';
import { findPipeline, type WorkflowRef } from '../temporal/find-workflow.js';
import { listPipelines } from '../temporal/list-pipelines.js';

export interface SelectOptions {
  readonly allHeld?: boolean;
  readonly runtime?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** What is done to pipelines, one by one. */
export interface PipelineAction<T extends object> {
  /** As in "resume 3 pipelines?". */
  readonly verb: string;
  /** What is said of one when it is done. */
  readonly pastTense: string;
  /** Of those that are selected, only held ones are meant. */
  readonly isForHeld?: boolean;
  /** @throws Exit `unreachable` if it is not known whether it was done, another one if it is refused */
  readonly run: (session: Session, pipeline: WorkflowRef) => Promise<T>;
  /** The answer in a few words. */
  readonly describe?: (answer: T) => string;
}

type Outcome<T> =
  | ({ readonly workflowId: string; readonly outcome: string } & T)
  | { readonly workflowId: string; readonly outcome: 'refused' | 'unknown'; readonly message: string };

/** Does something to the pipelines that are named or selected, asking before it does so to several. */
export async function forEachPipeline<T extends object>(
  io: Io,
  workflowIds: readonly string[],
  options: SelectOptions,
  act: PipelineAction<T>,
): Promise<ExitCode> {
  const isSelected = options.allHeld || options.runtime !== undefined;
  if (isSelected === workflowIds.length > 0) {
    throw new ExitError(exitCodes.usage, 'expected either workflow ids, or --all-held or --runtime');
  }
  return await withTemporal(async (session) => {
    const ids = isSelected ? await select(session, options, act) : [...new Set(workflowIds)];
    if (ids.length > 1 && !options.yes) {
      await confirm(io, `${act.verb} ${formatCount(ids.length)} pipelines?`);
    }
    const outcomes: Outcome<T>[] = [];
    let exitCode: ExitCode = exitCodes.done;
    for (const workflowId of ids) {
      if (io.interrupted.aborted) return exitCodes.interrupted;
      const outcome = await actOn(session, workflowId, act, (code) => {
        if (exitCode === exitCodes.done) exitCode = code;
      });
      outcomes.push(outcome);
      if (!options.json) show(io, outcome, act);
    }
    if (options.json) writeJson(io, { pipelines: outcomes });
    else if (ids.length === 0) io.stderr.write(`no pipeline to ${act.verb}\n`);
    return exitCode;
  });
}

async function actOn<T extends object>(
  session: Session,
  workflowId: string,
  { run, pastTense }: PipelineAction<T>,
  failed: (code: ExitCode) => void,
): Promise<Outcome<T>> {
  let isSent = false;
  try {
    const pipeline = await findRunning(session, workflowId);
    isSent = true;
    return { workflowId, outcome: pastTense, ...(await run(session, pipeline)) };
  } catch (error) {
    const exit = toExitError(error, session.config);
    if (exit === undefined) throw error;
    failed(exit.code);
    const isUnknown = isSent && exit.code === exitCodes.unreachable;
    return { workflowId, outcome: isUnknown ? 'unknown' : 'refused', message: exit.message };
  }
}

async function select(
  session: Session,
  { allHeld, runtime }: SelectOptions,
  { isForHeld }: Pick<PipelineAction<object>, 'isForHeld'>,
): Promise<string[]> {
  const filter: PipelineFilter = {
    running: true,
    runtimeId: runtime,
    phase: allHeld || isForHeld ? 'held' : undefined,
  };
  const ids: string[] = [];
  for await (const { workflowId } of listPipelines(session, filter)) ids.push(workflowId);
  return ids;
}

async function findRunning(session: Session, workflowId: string): Promise<WorkflowRef> {
  const found = await findPipeline(session, workflowId);
  const status = statusOf(found.description);
  if (status === 'running') return found;
  throw new ExitError(exitCodes.usage, `it has ended: ${status}`);
}

function show<T extends object>(io: Io, outcome: Outcome<T>, act: PipelineAction<T>): void {
  const colors = colorsOf(io.stdout);
  const hasFailed = 'message' in outcome;
  const word = hasFailed ? colors.red(outcome.outcome) : colors.green(outcome.outcome);
  const said = hasFailed ? String(outcome.message) : (act.describe?.(outcome as T) ?? '');
  writeLines(io.stdout, tableLines([[word, outcome.workflowId, said]]));
}
