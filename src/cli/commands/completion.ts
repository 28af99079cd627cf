import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { type ExitCode, exitCodes } from '../../exit.js';
import type { Io } from '../io.js';

/** Adds the hidden command that answers a shell's completion requests. */
export function addCompletion(program: Command): ReturnType<typeof tab> {
  return tab(program);
}

/** `completion`: prints the completion script of a shell. */
export function completionCommand(_io: Io, shell: string, _options: object, { parent }: Command): ExitCode {
  if (parent) addCompletion(parent).setup(parent.name(), parent.name(), shell);
  return exitCodes.done;
}
