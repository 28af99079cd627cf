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
  /** Its last failure in this attempt. */
  error?: BctrlError;
  settled?: Settled;
}

/** `outcome`: an earlier attempt has settled it. The error is final. */
export type Settled =
  | { readonly file: CollectedFile }
  | { readonly error: BctrlError }
  | { readonly outcome: CollectOutcome };

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

/** How a collected file is told to later attempts and to the workflow. */
export type DescribeFile = (file: CollectedFile) => CollectOutcome;

/** Without `describe` its outcome is left out: a later attempt then looks for the file. */
export function toFileRecord(file: FileInWork, describe: DescribeFile | undefined): FileRecord {
  const { options, settled, failures, mayExistSince } = file;
  if (settled === undefined || describe === undefined) return { failures, mayExistSince };
  return { failures: {}, outcome: toOutcome(options, settled, describe) };
}

export function toOutcome(
  { runtimePath }: FileOptions,
  settled: Settled,
  describe: DescribeFile,
): CollectOutcome {
  if ('outcome' in settled) return settled.outcome;
  if ('file' in settled) return describe(settled.file);
  const { reasonClass, message, code, requestId, hint } = settled.error;
  return {
    outcome: 'failed',
    reasonClass,
    message: `${shortPath(runtimePath)}: ${message}`,
    ...(code !== undefined && { code }),
    ...(requestId !== undefined && { requestId }),
    ...(hint !== undefined && { hint }),
  };
}
