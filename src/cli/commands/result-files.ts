import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { type KeyedFile, listKeyedFiles } from '../../api-files.js';
import { type BctrlConfig, readBctrlConfig, readListSettleTimeMs } from '../../config.js';
import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { formatCount, formatCountOf, toTerminalJson } from '../../shared/display-text.js';
import { isPrefixOfWorkflow } from '../../shared/keys.js';
import type { PipelineReport } from '../../shared/pipeline-report.js';
import type { Io } from '../io.js';
import { type KnownFiles, toFileLines } from '../output/file-lines.js';
import { createStyle, writeLines } from '../output/lines.js';
import { isPipelineReport } from '../output/report-lines.js';
import { readCollectHistory } from '../temporal/collect-history.js';
import { findWorkflow, unlessDeleted } from '../temporal/find-pipelines.js';
import { type Session, withTemporal } from '../temporal/session.js';
import { readProgress } from '../temporal/workflow-snapshot.js';
import { toExitCode, type WaitCommandOptions, waitWithProgress } from './wait-and-print.js';

/** Options of `result --files`. */
export interface ResultFilesOptions extends WaitCommandOptions {
  /** Print only the duplicates. */
  readonly duplicates?: boolean | undefined;
  /** The runtime of a workflow that Temporal has deleted. Temporal is not asked then. */
  readonly runtime?: string | undefined;
}

interface Api {
  readonly config: BctrlConfig;
  readonly settleTimeMs: number;
}

/** `result --files`: waits until a workflow ends, and prints every file of it that the API lists as a line of JSON. */
export async function resultFilesCommand(
  io: Io,
  workflowId: string,
  options: ResultFilesOptions,
): Promise<ExitCode> {
  const api = { config: readBctrlConfig(io.env), settleTimeMs: readListSettleTimeMs(io.env) };
  const { runtime: runtimeId } = options;
  if (runtimeId !== undefined) {
    const isWanted = ({ prefix }: KeyedFile['key']) => isPrefixOfWorkflow(prefix, workflowId);
    printFiles(io, await listKeyedFiles(api.config, { runtimeId }, isWanted, io.interrupted), {}, options);
    return exitCodes.done;
  }
  return await withTemporal(io, async (session) => {
    const code = await unlessDeleted(waitAndPrintFiles(session, io, api, workflowId, options));
    if (code !== undefined) return code;
    const problem = `there is no workflow with the id "${workflowId}"`;
    throw new ExitError(exitCodes.usage, `${problem}; if Temporal has deleted it, add --runtime <runtimeId>`);
  });
}

/** @throws WorkflowNotFoundError if there is no such workflow, or Temporal deletes it meanwhile */
async function waitAndPrintFiles(
  session: Session,
  io: Io,
  api: Api,
  workflowId: string,
  options: ResultFilesOptions,
): Promise<ExitCode> {
  const { handle } = await findWorkflow(session, workflowId);
  const waited = await waitWithProgress(session, io, handle, { ...options, showProgress: false });
  if (waited.isInterrupted) throw new ExitError(exitCodes.interrupted, 'interrupted');
  const { status, failure, result } = waited;
  const report = isPipelineReport(result) ? result : await readProgress(session, handle);
  // A pipeline may have continued as new meanwhile.
  const { files, ...known } = await listFiles(session, io, api, await handle.describe(), report);
  printFiles(io, files, known, options);
  warnOfMissing(io, files, report);
  if (status === 'running') io.stderr.write('Still running: more files may follow.\n');
  if (failure) {
    writeLines(io.stderr, [{ text: `${createStyle(io.stderr)('red', status)}: ${failure.message}` }]);
  }
  return toExitCode(waited);
}

/** Lists the files, and once more if the list may not show the newest ones yet. */
async function listFiles(
  session: Session,
  { interrupted }: Io,
  { config, settleTimeMs }: Api,
  description: WorkflowExecutionDescription,
  report: PipelineReport | undefined,
): Promise<KnownFiles & { readonly files: readonly KeyedFile[] }> {
  const history = await readCollectHistory(session, description);
  const { runtimeId, createdAfter, prefix, runtimePaths } = history;
  const list = () =>
    listKeyedFiles(config, { runtimeId, createdAfter }, (key) => key.prefix === prefix, interrupted);
  let files = await list();
  if (countKeys(files) < countCollected(report)) {
    // The list that follows says so if the user has interrupted.
    await sleep(settleTimeMs, undefined, { signal: interrupted }).catch(() => undefined);
    files = await list();
  }
  const reportedIds = new Set(history.reportedIds);
  for (const file of report?.files ?? []) if ('fileId' in file) reportedIds.add(file.fileId);
  return { files, runtimePaths, reportedIds };
}

function countCollected(report: PipelineReport | undefined): number {
  return report?.counts.collected ?? 0;
}

function countKeys(files: readonly KeyedFile[]): number {
  return new Set(files.map(({ key }) => key.fileKey)).size;
}

function printFiles(
  { stdout, stderr }: Io,
  files: readonly KeyedFile[],
  known: KnownFiles,
  { duplicates }: ResultFilesOptions,
): void {
  let duplicateCount = 0;
  for (const line of toFileLines(files, known)) {
    const isDuplicate = line.duplicateOf !== undefined;
    if (isDuplicate) duplicateCount += 1;
    if (isDuplicate || !duplicates) stdout.write(`${toTerminalJson(JSON.stringify(line))}\n`);
  }
  stderr.write(
    `${formatCountOf(files.length, 'file')}, ${formatCountOf(duplicateCount, 'duplicate')} among them\n`,
  );
}

/** Not an error: someone may have deleted files on purpose. */
function warnOfMissing(
  { stderr }: Io,
  files: readonly KeyedFile[],
  report: PipelineReport | undefined,
): void {
  const [listed, collected] = [countKeys(files), countCollected(report)];
  if (listed >= collected) return;
  const problem = `the API lists ${formatCount(listed)} of the ${formatCountOf(collected, 'file')} that were collected`;
  stderr.write(`warning: ${problem}; the others were deleted, or belong to the account of another API key\n`);
}
