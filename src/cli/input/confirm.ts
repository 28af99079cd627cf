import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { ExitError, exitCodes } from '../../exit.js';
import type { Io } from '../io.js';

/**
 * Asks a yes-or-no question.
 *
 * @throws ExitError `usage` without a terminal and for any reply but yes, `interrupted` on Ctrl-C
 */
export async function confirm({ stdin, stderr, interrupted }: Io, question: string): Promise<void> {
  if (!stdin.isTTY)
    throw new ExitError(exitCodes.usage, `${question} Without a terminal, confirm with --yes`);
  stderr.write(`${question} [y/N] `);
  const lines = createInterface({ input: stdin });
  // Ctrl-D closes the input without a reply.
  const closed = once(lines, 'close').then(() => '');
  const reply = await Promise.race([lines.question(''), closed, rejectOnInterrupt(interrupted)]);
  lines.close();
  if (!/^y(es)?$/i.test(reply.trim())) throw new ExitError(exitCodes.usage, 'nothing was done');
}

async function rejectOnInterrupt(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw new ExitError(exitCodes.interrupted, 'nothing was done');
}
