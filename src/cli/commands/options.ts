import { type Command, InvalidArgumentError, Option } from 'commander';
import { durationSchema, durationToMs } from '../../shared/duration.js';

/** What takes an argument that the user typed, or refuses it. */
type Parse<T> = (value: string, previous: T | undefined) => T;

/** Control characters, line breaks of Unicode, halves of characters, and what stands for bytes that were no UTF-8. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\uFFFD]/u;

/** An id begins with no dash: `--invocation $EMPTY --wait` would otherwise wait for a job of that name. */
export function id(value: string): string {
  if (value !== '' && !value.startsWith('-') && !unprintable.test(value)) return value;
  throw new InvalidArgumentError('Expected an id.');
}

export const ids: Parse<string[]> = (value, previous = []) => [...previous, id(value)];

export const texts: Parse<string[]> = (value, previous = []) => [...previous, value];

export function duration(value: string) {
  const parsed = durationSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('Expected a duration such as 30s or 5m.');
}

function durationMs(value: string): number {
  return durationToMs(duration(value));
}

export function count(value: string): number {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('Expected a whole number above 0.');
}

export function choice(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices);
}

/** Of every command: for a program instead of a person. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON document to stdout, and nothing else there');
}

/** Of commands that wait for the end of a workflow. */
export function withTimeout(command: Command): Command {
  return withJson(command.option('--timeout <duration>', 'how long to wait at most', durationMs));
}

/** Of commands that show the report of a pipeline. */
export function withReport(command: Command): Command {
  const all = new Option('--all', 'list all files of the report, not the first 50');
  return withTimeout(command.addOption(all.conflicts('json')));
}

/** Of commands that name files. */
export function withFileOptions(command: Command): Command {
  return command
    .addOption(
      choice('--if-missing <what>', 'when one of the files is not there (default: fail)', [
        'fail',
        'warn',
        'ignore',
      ]),
    )
    .addOption(
      choice('--if-exists <what>', 'when its destination is taken by a foreign file (default: fail)', [
        'fail',
        'keep',
      ]),
    )
    .option('--appears-within <duration>', 'how long one that is not there may still come', duration);
}

/** Of commands that do something to one pipeline or to many. */
export function withSelection(command: Command): Command {
  return withJson(
    command
      .option('--all-held', 'instead of ids: all pipelines that are held')
      .option('--runtime <runtimeId>', 'instead of ids: the pipelines of this runtime', id)
      .option('--yes', 'do not ask before doing it to several'),
  );
}
