import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ListenAddress, parseListenAddress } from '../listen-address.js';
import { type Duration, durationSchema, durationToMs } from '../shared/duration.js';
import { isReasonClass, type ReasonClass, reasonClasses } from '../shared/reason-class.js';

/** Control characters, Unicode line breaks, lone surrogates, and U+FFFD, which replaces bytes that are not UTF-8. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\uFFFD]/u;

/** Refuses a leading dash: `--invocation $EMPTY --wait` would otherwise wait for a job named `--wait`. */
export function id(value: string): string {
  if (value !== '' && !value.startsWith('-') && !unprintable.test(value)) return value;
  throw new InvalidArgumentError('Expected an id.');
}

export const ids = (value: string, previous: string[] = []) => [...previous, id(value)];

export const texts = (value: string, previous: string[] = []) => [...previous, value];

export function duration(value: string): Duration {
  const parsed = durationSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('Expected a duration such as 30s or 5m.');
}

export const durationMs = (value: string) => durationToMs(duration(value));

export function classes(value: string, previous: ReasonClass[] = []): ReasonClass[] {
  if (isReasonClass(value)) return [...previous, value];
  throw new InvalidArgumentError(`Allowed are ${reasonClasses.join(', ')}.`);
}

export function count(value: string): number {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('Expected a whole number above 0.');
}

export function listenAddress(value: string): ListenAddress {
  const address = parseListenAddress(value);
  if (address !== undefined) return address;
  throw new InvalidArgumentError('Expected host:port.');
}

export function origin(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url.origin;
  throw new InvalidArgumentError('Expected scheme and host, such as https://temporal.example.com.');
}

/** An option with a fixed set of values. The first one is the default. */
export function choice(flags: string, choices: readonly string[], description: string): Option {
  return new Option(flags, `${description} (default: ${choices[0]})`).choices(choices);
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON document to stdout and nothing else');
}

/** Options of commands that wait for a workflow to end. */
export function withTimeout(command: Command): Command {
  return withJson(command.option('--timeout <duration>', 'how long to wait at most', durationMs));
}

/** Options of commands that print a pipeline's report. */
export function withReport(command: Command): Command {
  const all = new Option('--all', 'list every file of the report, not only the first 50');
  const exitOnHold = [
    '--exit-on-hold',
    'wait no longer than until the pipeline is held; exit code 4',
  ] as const;
  return withTimeout(command.addOption(all.conflicts('json')).option(...exitOnHold));
}

/** Options of commands that start a pipeline. */
export function withStart(command: Command): Command {
  return withReport(
    command
      .option('--wait', 'show progress until the pipeline ends, then its report')
      .option('--dry-run', 'print what would be started, and start nothing'),
  );
}

export function ifExists(): Option {
  return choice('--if-exists <action>', ['fail', 'keep'], 'if another file has the destination path');
}

/** For files that an earlier run had already: they keep their own `ifExists` by default. */
export function ifExistsNow(): Option {
  const text = 'if another file has the destination path of a retried file (default: as at the start)';
  return new Option('--if-exists <action>', text).choices(['fail', 'keep']);
}

/** Options of commands whose arguments are several files. */
export function withFiles(command: Command): Command {
  return command
    .addOption(choice('--if-missing <action>', ['fail', 'warn', 'ignore'], 'if a file does not exist'))
    .addOption(ifExists())
    .option('--appears-within <duration>', 'how long to wait for a file that does not exist yet', duration);
}

/** Arguments and options of commands that act on one pipeline or on many. */
export function withSelection(command: Command): Command {
  return withJson(
    command
      .argument('[workflowId...]', 'as printed by `start` and `list`', ids)
      .option('--all-held', 'select all held pipelines instead of naming ids')
      .option('--runtime <runtimeId>', 'select the pipelines of this runtime instead of naming ids', id)
      .option('--yes', 'do not ask for confirmation'),
  );
}
