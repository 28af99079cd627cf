import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';

/** Makes a program answer what the script of a shell asks, and gives that script. */
export function completionOf(program: Command): { writeScript(shell: string): void } {
  const completion = tab(program);
  const name = program.name();
  return { writeScript: (shell) => completion.setup(name, name, shell) };
}
