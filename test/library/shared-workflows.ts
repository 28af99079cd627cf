import { progressQuery } from 'bctrl-temporal/workflow';
import * as z from 'zod';

let runs = 0;

/** What an execution sees of the modules, after it has changed what others might see. */
export async function lookAround(): Promise<object> {
  runs += 1;
  // Zod refuses an id that is taken.
  z.globalRegistry.add(z.string(), { id: 'text' });
  const message = z.string().safeParse(1).error?.issues[0]?.message;
  z.config({ customError: () => 'the message of an earlier execution' });
  // The SDK freezes what the workflows of a worker share.
  return { runs, message, isPackageShared: Object.isFrozen(progressQuery) };
}
