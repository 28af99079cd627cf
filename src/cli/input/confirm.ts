import { createInterface } from 'node:readline/promises';
import { Exit, exitCodes } from '../../exit.js';
import type { Io } from '../io.js';

/**
 * Asks a person before something is done to many.
 *
 * @throws Exit `usage` where there is nobody to ask, and if the answer is no
 */
export async function confirm({ stdin, stderr, interrupted }: Io, question: string): Promise<void> {
  if (!stdin.isTTY) throw new Exit(exitCodes.usage, `${question} Without a terminal that needs --yes`);
  stderr.write(`${question} [y/N] `);
  const lines = createInterface({ input: stdin });
  const answer = await lines.question('', { signal: interrupted }).finally(() => lines.close());
  if (!/^y(es)?$/i.test(answer.trim())) throw new Exit(exitCodes.usage, 'nothing was done');
}
