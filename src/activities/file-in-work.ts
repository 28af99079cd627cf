import { z } from 'zod';
import type { BctrlError } from '../bctrl/bctrl-error.js';
import type { CollectedFile, FileOptions } from '../shared/collect.js';
import { type CollectOutcome, leftFileSchema } from '../shared/collect-outcome.js';
import { shortPath } from '../shared/one-line.js';
import type { Attempt } from './attempt.js';
import { failureCountsSchema } from './failures.js';
import { beginningOf } from './newest-file.js';

/** Before all files: an earlier run of the workflow may have made one long ago. */
const EVER = 0;

/** What an attempt leaves of a file to the next one. */
export const fileRecordSchema = leftFileSchema.extend({
  failures: failureCountsSchema,
  /** An attempt may have made it, at this time of the API or later: milliseconds since the epoch. */
  mayExistSince: z.number().optional(),
});
export type FileRecord = z.infer<typeof fileRecordSchema>;

export interface KeyedFile {
  readonly options: FileOptions;
  /** Its collection key. */
  readonly key: string;
}

/** A file while an attempt is at it. */
export interface FileInWork extends KeyedFile, Pick<FileRecord, 'failures' | 'mayExistSince'> {
  /** Its failure in this attempt, and when it may be tried again. */
  failed?: { readonly error: BctrlError; readonly delayMs: number };
  settled?: Settled;
  /** How it came to be there, in this attempt. */
  gained?: { readonly by: 'collected' | 'found' | 'kept'; readonly sizeBytes: number };
  /** How long its collect took in this attempt, the wait for its turn included. */
  tookMs?: number;
}

/** As a file of its own, or in short as one of a batch. The error is final. */
export type Settled =
  | { readonly file: CollectedFile }
  | { readonly outcome: CollectOutcome }
  | { readonly error: BctrlError };

/** A file as the attempts before left it, or may have left it without saying so. */
export function toFileInWork(
  keyed: KeyedFile,
  record: FileRecord | undefined,
  { brokeOff, info }: Attempt,
  lookFirst: boolean | undefined,
): FileInWork {
  const { outcome, failures = {}, mayExistSince = Number.POSITIVE_INFINITY } = record ?? {};
  if (outcome !== undefined) return { ...keyed, failures, settled: { outcome } };
  if (lookFirst) return { ...keyed, failures, mayExistSince: EVER };
  const since = brokeOff ? Math.min(mayExistSince, beginningOf(info)) : mayExistSince;
  return { ...keyed, failures, ...(since < Number.POSITIVE_INFINITY && { mayExistSince: since }) };
}

/** Of what has its outcome that is all that counts, unless it is not kept. */
export function toFileRecord(file: FileInWork, keepOutcome: boolean): FileRecord {
  const { failures, mayExistSince } = file;
  const outcome = keepOutcome ? toOutcome(file) : undefined;
  return outcome === undefined ? { failures, mayExistSince } : { failures: {}, outcome };
}

/** Of one of a batch. */
export function toOutcome({ options, settled }: FileInWork): CollectOutcome | undefined {
  if (settled === undefined || 'file' in settled) return undefined;
  return 'outcome' in settled ? settled.outcome : toRefusal(options, settled.error);
}

/** The outcome of a file that is finally refused. */
function toRefusal({ runtimePath }: FileOptions, error: BctrlError): CollectOutcome {
  const { reasonClass, message, code, requestId, hint } = error;
  return {
    outcome: 'failed',
    reasonClass,
    message: `${shortPath(runtimePath)}: ${message}`,
    ...(code !== undefined && { code }),
    ...(requestId !== undefined && { requestId }),
    ...(hint !== undefined && { hint }),
  };
}
