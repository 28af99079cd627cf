import { ExitError, exitCodes } from '../../exit.js';
import type { Duration } from '../../shared/duration.js';
import { type ParsedPipelineInput, pipelineInputSchema } from '../../shared/pipeline-input.js';
import type { Io } from '../io.js';
import { parseInput } from './parse-input.js';
import type { Spec } from './read-spec.js';

/** What may be said of files on the command line, of all that are named there. */
export interface FileOptions {
  readonly ifMissing?: string;
  readonly ifExists?: string;
  readonly appearsWithin?: Duration;
}

/** Fields of a pipeline as options name them. */
export interface PipelineOptions extends FileOptions {
  readonly spec?: string;
  readonly invocation?: readonly string[];
  readonly signal?: boolean;
  readonly waitTimeout?: Duration;
  readonly whenJobFails?: string;
  readonly onFailure?: string;
  readonly giveUpAfter?: Duration;
  /** A name, or `true` for the API's. */
  readonly exportArchive?: string | true;
  readonly stopRuntime?: string;
}

const noSpec: Spec = { fields: {}, locate: () => undefined };

/**
 * The input of a pipeline: a spec, if there is one, with what arguments and options say laid over it, and its files before
 * those of the command line. Options about files fill in what a file of the spec does not say itself.
 *
 * @throws Exit `usage` naming the field, or an option that would have no effect
 */
export async function toPipelineInput(
  io: Io,
  runtimeId: string | undefined,
  paths: readonly string[],
  options: PipelineOptions,
): Promise<ParsedPipelineInput> {
  const { spec, giveUpAfter, whenJobFails, onFailure, exportArchive, stopRuntime } = options;
  const { fields, locate } = spec === undefined ? noSpec : await readSpecFile(io, spec);
  if (spec === undefined) assertComplete(runtimeId, paths, options);
  const { files = [] } = fields;
  if (runtimeId !== undefined && (fields['runtimeId'] ?? runtimeId) !== runtimeId) {
    const place = locate(['runtimeId']);
    throw new ExitError(exitCodes.usage, `${place}: names another runtime than the argument "${runtimeId}"`);
  }
  const waitFor = toWaitFor(options, fields['waitFor']);
  if (whenJobFails !== undefined && waitFor === undefined) throw needsJob('--when-job-fails');
  const given = {
    runtimeId,
    waitFor,
    files: Array.isArray(files) ? toFiles([...files, ...toFileList(paths)], options) : files,
    giveUpAfter,
    whenJobFails,
    onFailure,
    exportArchive:
      exportArchive &&
      override(fields['exportArchive'], exportArchive === true ? {} : { name: exportArchive }),
    stopRuntime,
  };
  return parseInput(pipelineInputSchema, { ...fields, ...withoutUndefined(given) }, locate);
}

async function readSpecFile(io: Io, file: string): Promise<Spec> {
  const { readSpec } = await import('./read-spec.js');
  return await readSpec(io, file);
}

/** In the words of the command line, where all comes from there. */
function assertComplete(
  runtimeId: string | undefined,
  paths: readonly string[],
  { invocation, signal }: PipelineOptions,
): void {
  if (runtimeId === undefined) {
    throw new ExitError(exitCodes.usage, "missing required argument 'runtimeId' (or --spec)");
  }
  if (paths.length === 0 && invocation === undefined && !signal) {
    throw new ExitError(exitCodes.usage, "missing required argument 'path' (or --invocation, --signal)");
  }
}

/** Files that are named on the command line, as an input or a message lists them. */
export function toFileList(paths: readonly string[]): object[] {
  return paths.map((runtimePath) => ({ runtimePath }));
}

/**
 * Files with options for what they do not say themselves.
 *
 * @throws Exit `usage` for an option that no file leaves room for
 */
export function toFiles(files: readonly unknown[], given: FileOptions): unknown[] {
  const { ifMissing, ifExists, appearsWithin } = given;
  const options = withoutUndefined({ ifMissing, ifExists, appearsWithin });
  const isOpen = (file: unknown, name: string) => isObject(file) && file[name] === undefined;
  for (const name of Object.keys(options)) {
    if (files.some((file) => isOpen(file, name))) continue;
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new ExitError(
      exitCodes.usage,
      `--${flag} has no effect: there are no files, or each says otherwise itself`,
    );
  }
  return files.map((file) => (isObject(file) ? { ...options, ...file } : file));
}

function toWaitFor({ invocation, signal, waitTimeout }: PipelineOptions, inSpec: unknown): unknown {
  const said = withoutUndefined({ invocationIds: invocation, signal, timeout: waitTimeout });
  if (Object.keys(said).length === 0) return inSpec;
  if (invocation === undefined && !signal && inSpec === undefined) throw needsJob('--wait-timeout');
  return override(inSpec, said);
}

function needsJob(option: string): ExitError {
  return new ExitError(exitCodes.usage, `${option} needs --invocation or --signal`);
}

/** Options over what a spec says of the same field, unless that is wrong anyway. */
function override(inSpec: unknown, said: object): unknown {
  return isObject(inSpec) ? { ...inSpec, ...said } : said;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
