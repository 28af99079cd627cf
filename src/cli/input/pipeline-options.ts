import { Exit, exitCodes } from '../../exit.js';
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
 * those of the command line.
 *
 * @throws Exit `usage` naming the field
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
  if (runtimeId !== undefined && fields['runtimeId'] !== undefined) {
    const place = locate(['runtimeId']);
    throw new Exit(exitCodes.usage, `${place}: names the runtime, and "${runtimeId}" was given as one too`);
  }
  const given = {
    runtimeId,
    waitFor: toWaitFor(options, fields['waitFor']),
    files: Array.isArray(files) ? [...files, ...toFiles(paths, options)] : files,
    giveUpAfter,
    whenJobFails,
    onFailure,
    exportArchive:
      exportArchive &&
      onTopOf(fields['exportArchive'], exportArchive === true ? {} : { name: exportArchive }),
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
    throw new Exit(exitCodes.usage, "missing required argument 'runtimeId' (or --spec)");
  }
  if (paths.length === 0 && invocation === undefined && !signal) {
    throw new Exit(exitCodes.usage, "missing required argument 'path' (or --invocation, --signal)");
  }
}

/** Files that are named on the command line, as an input or a message lists them. */
export function toFiles(paths: readonly string[], { ifMissing, ifExists, appearsWithin }: FileOptions) {
  const options = withoutUndefined({ ifMissing, ifExists, appearsWithin });
  return paths.map((runtimePath) => ({ runtimePath, ...options }));
}

function toWaitFor({ invocation, signal, waitTimeout }: PipelineOptions, inSpec: unknown): unknown {
  const said = withoutUndefined({ invocationIds: invocation, signal, timeout: waitTimeout });
  if (Object.keys(said).length === 0) return undefined;
  if (invocation === undefined && !signal && inSpec === undefined) {
    throw new Exit(exitCodes.usage, '--wait-timeout needs --invocation or --signal');
  }
  return onTopOf(inSpec, said);
}

/** Options over what a spec says of the same field, unless that is wrong anyway. */
function onTopOf(inSpec: unknown, said: object): unknown {
  return typeof inSpec === 'object' ? { ...inSpec, ...said } : said;
}

function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
