import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { type ExitCode, exitCodes, reportExit } from '../exit.js';
import { durationSchema, durationToMs } from '../shared/duration.js';
import type { CollectCommandOptions } from './collect.js';
import type { Io } from './io.js';
import type { ResultCommandOptions } from './result.js';
import type { StartCommandOptions } from './start.js';

const NAME = 'bctrl-temporal';

const exitCodeHelp = `
Exit codes:
  0    done, all files are there
  1    the pipeline failed, was cancelled or terminated
  2    wrong argument, input or environment variable
  3    Temporal or the bctrl API is not reachable
  4    still running when --timeout ended
  130  interrupted with Ctrl-C; the pipeline goes on
`;

/** Runs one command of the starter. Commands load what they need only when they run: `--help` stays fast. */
export async function main(argv: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done;
  const program = createProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has already written its one line, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    return reportExit(NAME, error, io.stderr);
  }
}

function createProgram(io: Io, end: (code: ExitCode) => void): Command {
  const program = new Command(NAME)
    .description('Collects the files of bctrl runtimes into durable storage, on Temporal.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Commander puts its suggestions on a line of their own.
      outputError: (text, write) =>
        write(`${NAME}: ${text.replace(/^error: /, '').replace(/\n(?=.)/g, ' ')}`),
    })
    .addHelpText('after', exitCodeHelp);

  program
    .command('start')
    .description("start a runtime's pipeline, or attach to it when it is running")
    .argument('<runtimeId>', 'the runtime whose files are collected')
    .argument('<path...>', "files in the runtime's workspace")
    .option('--invocation <id>', 'wait for this job first (repeatable)', append, [])
    .option('--give-up-after <duration>', 'how long one file is tried (default: 6h)', duration)
    .option('--again', 'run a finished pipeline anew')
    .option('--wait', 'show progress until the pipeline has ended, then its report')
    .option('--timeout <duration>', 'with --wait: how long to wait at most', durationMs)
    .option('--json', 'print one JSON document to stdout')
    .addHelpText('after', example('start 7f3c… results.csv logs/run.log --invocation inv_1 --wait'))
    .action(async (runtimeId: string, paths: string[], options: StartCommandOptions) => {
      const { startCommand } = await import('./start.js');
      end(await startCommand(io, runtimeId, paths, options));
    });

  program
    .command('collect')
    .description('collect one file now, and wait for it')
    .argument('<runtimeId>', 'the runtime whose file is collected')
    .argument('<path>', "the file in the runtime's workspace")
    .option('--to <destinationPath>', 'its path in durable storage (default: the API decides)')
    .option('--give-up-after <duration>', 'how long the file is tried (default: 6h)', duration)
    .option('--again', 'collect it anew')
    .option('--timeout <duration>', 'how long to wait at most', durationMs)
    .option('--json', 'print one JSON document to stdout')
    .addHelpText('after', example('collect 7f3c… results.csv --to reports/today.csv'))
    .action(async (runtimeId: string, path: string, options: CollectCommandOptions) => {
      const { collectCommand } = await import('./collect.js');
      end(await collectCommand(io, runtimeId, path, options));
    });

  program
    .command('result')
    .description('wait until a pipeline has ended, and show its report')
    .argument('<workflowId>', 'as `start` printed it')
    .option('--timeout <duration>', 'how long to wait at most', durationMs)
    .option('--json', 'print one JSON document to stdout')
    .addHelpText('after', example('result post-run/7f3c…/inv_1 --json'))
    .action(async (workflowId: string, options: ResultCommandOptions) => {
      const { resultCommand } = await import('./result.js');
      end(await resultCommand(io, workflowId, options));
    });

  return program;
}

function example(command: string): string {
  return `\nExample:\n  ${NAME} ${command}\n${exitCodeHelp}`;
}

function append(value: string, previous: string[]): string[] {
  return [...previous, value];
}

function duration(value: string) {
  const parsed = durationSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('Expected a duration such as 30s or 5m.');
}

function durationMs(value: string): number {
  return durationToMs(duration(value));
}
