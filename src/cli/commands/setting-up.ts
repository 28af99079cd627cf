import { Argument, type Command } from 'commander';
import type { Commands } from '../program.js';
import { withJson } from './options.js';

/** Commands about the surroundings. */
export function addSettingUpCommands({ add, end, io }: Commands): void {
  const setup = add('setup', 'register the search attributes of pipelines with Temporal; safe to repeat', [
    'setup',
  ]);
  withJson(setup).action(async (options: { json?: boolean }) => {
    const { setupCommand } = await import('../actions/setup.js');
    end(await setupCommand(io, options));
  });

  const doctor = add(
    'doctor',
    'check everything that a pipeline needs, and say what to do about what is wrong',
    ['doctor', 'doctor --json'],
  );
  withJson(doctor).action(async (options: { json?: boolean }) => {
    const { doctorCommand } = await import('../actions/doctor.js');
    end(await doctorCommand(io, options));
  });

  add('completion', 'print the script that completes commands and options in a shell', [
    'source <(bctrl-temporal completion bash)',
  ])
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish', 'powershell']))
    .action(async (shell: string, _: object, command: Command) => {
      const { completionOf } = await import('../completion.js');
      if (command.parent) completionOf(command.parent).writeScript(shell);
    });
}
