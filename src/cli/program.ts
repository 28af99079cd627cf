import { Command } from 'commander';
import type { ExitCode } from '../exit.js';
import { stripControlCharacters } from '../shared/truncate-line.js';
import { version } from '../version.js';
import { addLookingCommands } from './commands/looking.js';
import { addSettingUpCommands } from './commands/setting-up.js';
import { addStartingCommands } from './commands/starting.js';
import { addSteeringCommands } from './commands/steering.js';
import type { Io } from './io.js';

export const NAME = 'bctrl-temporal';

const exitCodeHelp = `
Exit codes:
  0    done: all files are there, or left as asked
  1    the pipeline failed, was cancelled or terminated
  2    wrong argument, input or environment variable, or what the pipeline refuses
  3    Temporal, the bctrl API or a worker is not reachable
  4    held or still running when --timeout ended
  130  interrupted with Ctrl-C; the pipeline goes on
`;

/** What the groups of commands are added with. */
export interface Commands {
  readonly io: Io;
  /** A command, and how it is used. */
  readonly add: (name: string, description: string, examples: readonly string[]) => Command;
  /** What a command ends with. */
  readonly end: (code: ExitCode) => void;
}

/** The starter's commands. What they do is loaded when they run: `--help` stays fast. */
export function createProgram(io: Io, end: (code: ExitCode) => void): Command {
  const program = new Command(NAME)
    .description('Collects the files of bctrl runtimes into durable storage, on Temporal.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Commander puts its suggestions on a line of their own.
      outputError: (text, write) =>
        write(`${NAME}: ${stripControlCharacters(text.replace(/^error: /, ''))}\n`),
    })
    .addHelpText('after', exitCodeHelp);
  const commands: Commands = {
    io,
    end,
    add: (name, description, examples) => {
      const command = program.command(name).description(description);
      return command.addHelpText('after', `${toHelp(examples)}\n${exitCodeHelp}`);
    },
  };
  addStartingCommands(commands);
  addLookingCommands(commands);
  addSteeringCommands(commands);
  addSettingUpCommands(commands);
  return program;
}

function toHelp(examples: readonly string[]): string {
  const lines = examples.map((example) => `  ${example.includes(NAME) ? '' : `${NAME} `}${example}`);
  return `\nExample${examples.length === 1 ? '' : 's'}:\n${lines.join('\n')}`;
}
