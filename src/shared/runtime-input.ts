import * as z from 'zod';
import { idSchema } from './bounded-string.js';

/** A runtime, and the account that it belongs to. Every input that names a runtime has these fields. */
export interface RuntimeInput {
  /** Id of the runtime: 1 to 500 bytes of UTF-8, on one line. */
  readonly runtimeId: string;
  /**
   * Name of the account in the worker's `clients`: 1 to 500 bytes of UTF-8, on one line. Default: the one called `default`, or
   * that of a worker with a single `client`. The activity fails with `invalid_input` if the worker has no account of that name,
   * and if a worker with a single `client` is given a name.
   */
  readonly account?: string | undefined;
}

export const runtimeInputSchema = z.strictObject({
  runtimeId: idSchema,
  account: idSchema.optional(),
});
