import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { ExitError, exitCodes } from '../../exit.js';
import type { Io } from '../io.js';

/**
 * Asks a person before something is done to many.
 *
 * @throws Exit `usage` where there is nobody to ask, and if the answer is no
 */
export async function confirm({ stdin, stderr, interrupted }: Io, question: string): Promise<void> {
  if (!stdin.isTTY) throw new ExitError(exitCodes.usage, `${question} Without a terminal that needs --yes`);
  stderr.write(`${question} [y/N] `);
  const lines = createInterface({ input: stdin });
  // Ctrl-D ends the input without an answer.
  const closed = once(lines, 'close').then(() => '');
  const answer = await Promise.race([lines.question(''), closed, untilAborted(interrupted)]);
  lines.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new ExitError(exitCodes.usage, 'nothing was done');
}

async function untilAborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, 'abort');
  throw new ExitError(exitCodes.interrupted, 'nothing was done');
}
