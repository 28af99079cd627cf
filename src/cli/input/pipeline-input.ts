import { ExitError, exitCodes } from '../../exit.js';
import type { Duration } from '../../shared/duration.js';
import { isObject } from '../../shared/external-input.js';
import { type ParsedPipelineInput, pipelineInputSchema } from '../../shared/pipeline-input.js';
import type { Io } from '../io.js';
import { parseFields } from './parse-fields.js';
import type { Spec } from './read-spec.js';

/** Options that apply to every file of the command. */
export interface FileOptions {
  readonly ifMissing?: string;
  readonly ifExists?: string;
  readonly appearsWithin?: Duration;
}

/** Options that set fields of a pipeline. */
export interface PipelineOptions extends FileOptions {
  readonly spec?: string;
  readonly invocation?: readonly string[];
  readonly signal?: boolean;
  readonly waitTimeout?: Duration;
  readonly whenJobFails?: string;
  readonly onFailure?: string;
  readonly giveUpAfter?: Duration;
  /** `true` leaves the name to the API. */
  readonly exportArchive?: string | true;
  readonly stopRuntime?: string;
}

const noSpec: Spec = { fields: {}, locate: () => undefined };

/**
 * Builds a pipeline's input from the spec, arguments and options. Arguments and options override the spec's fields; files
 * of the command line come after those of the spec. A file option applies to files that do not set the field themselves.
 *
 * @throws ExitError `usage` naming the invalid field, or an option without effect
 */
export async function toPipelineInput(
  io: Io,
  runtimeId: string | undefined,
  paths: readonly string[],
  options: PipelineOptions,
): Promise<ParsedPipelineInput> {
  const { spec, giveUpAfter, whenJobFails, onFailure, exportArchive, stopRuntime } = options;
  if (spec === undefined) assertComplete(runtimeId, paths, options);
  const { fields, locate } = spec === undefined ? noSpec : await readSpecFile(io, spec);
  const { files = [] } = fields;
  if (runtimeId !== undefined && (fields['runtimeId'] ?? runtimeId) !== runtimeId) {
    const place = locate(['runtimeId']);
    throw new ExitError(exitCodes.usage, `${place}: runtimeId differs from the argument "${runtimeId}"`);
  }
  const waitFor = toWaitFor(options, fields['waitFor']);
  if (whenJobFails !== undefined && waitFor === undefined) throw needsJob('--when-job-fails');
  const given = {
    runtimeId,
    waitFor,
    files: Array.isArray(files) ? withFileOptions([...files, ...toFiles(paths)], options) : files,
    giveUpAfter,
    whenJobFails,
    onFailure,
    exportArchive:
      exportArchive &&
      override(fields['exportArchive'], exportArchive === true ? {} : { name: exportArchive }),
    stopRuntime,
  };
  return parseFields(pipelineInputSchema, { ...fields, ...withoutUndefined(given) }, locate);
}

async function readSpecFile(io: Io, file: string): Promise<Spec> {
  const { readSpec } = await import('./read-spec.js');
  return await readSpec(io, file);
}

/** Without a spec the message names the argument, not the field. */
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

export function toFiles(paths: readonly string[]): object[] {
  return paths.map((runtimePath) => ({ runtimePath }));
}

/**
 * Adds the options to files that do not set them themselves.
 *
 * @throws ExitError `usage` for an option that applies to no file
 */
export function withFileOptions(files: readonly unknown[], given: FileOptions): unknown[] {
  const { ifMissing, ifExists, appearsWithin } = given;
  const options = withoutUndefined({ ifMissing, ifExists, appearsWithin });
  const isUnset = (file: unknown, name: string) => isObject(file) && file[name] === undefined;
  for (const name of Object.keys(options)) {
    if (files.some((file) => isUnset(file, name))) continue;
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new ExitError(exitCodes.usage, `--${flag} has no effect: there is no file that does not set it`);
  }
  return files.map((file) => (isObject(file) ? { ...options, ...file } : file));
}

function toWaitFor({ invocation, signal, waitTimeout }: PipelineOptions, inSpec: unknown): unknown {
  const given = withoutUndefined({ invocationIds: invocation, signal, timeout: waitTimeout });
  if (Object.keys(given).length === 0) return inSpec;
  if (invocation === undefined && !signal && inSpec === undefined) throw needsJob('--wait-timeout');
  return override(inSpec, given);
}

function needsJob(option: string): ExitError {
  return new ExitError(exitCodes.usage, `${option} needs --invocation or --signal`);
}

/** Merges options into a field of the spec; the schema refuses a field of the wrong type later. */
function override(inSpec: unknown, given: object): unknown {
  return isObject(inSpec) ? { ...inSpec, ...given } : given;
}

function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
