import type { BctrlError } from '../bctrl/bctrl-error.js';
import type { CollectedFile, FileOptions } from '../shared/collect.js';
import type { CollectOutcome } from '../shared/collect-outcome.js';
import type { FileCheckpoint } from '../shared/heartbeat-details.js';
import { truncatePath } from '../shared/truncate-line.js';

export interface FileWithKey {
  readonly options: FileOptions;
  /** Its collection key. */
  readonly key: string;
}

/** A file while an attempt is at it. */
export interface FileState
  extends FileWithKey,
    Pick<FileCheckpoint, 'failures' | 'lookupFromMs' | 'unverified'> {
  /** Its failure in this attempt, and when it may be tried again. */
  lastFailure?: { readonly error: BctrlError; readonly delayMs: number };
  outcome?: FileResult;
  /** How it came to be there, in this attempt. */
  acquired?: { readonly via: 'collected' | 'found' | 'kept'; readonly sizeBytes: number };
  /** How long its collect took in this attempt, the wait for its turn included. */
  durationMs?: number;
}

/** As a file of its own, or in short as one of a batch. The error is final. */
export type FileResult =
  | { readonly file: CollectedFile }
  | { readonly outcome: CollectOutcome }
  | { readonly error: BctrlError };

/**
 * A file as the attempts before left it.
 *
 * @param lookupFromMs where a lookup begins for a file that they may have made without saying so, `undefined` if they made none
 */
export function restoreFileState(
  file: FileWithKey,
  checkpoint: FileCheckpoint | undefined,
  lookupFromMs: number | undefined,
): FileState {
  const { outcome, failures = {}, unverified } = checkpoint ?? {};
  if (outcome !== undefined) return { ...file, failures, outcome: { outcome } };
  const from = Math.min(
    checkpoint?.lookupFromMs ?? Number.POSITIVE_INFINITY,
    lookupFromMs ?? Number.POSITIVE_INFINITY,
  );
  return {
    ...file,
    failures,
    ...(from < Number.POSITIVE_INFINITY && { lookupFromMs: from }),
    ...(unverified && { unverified }),
  };
}

/** The outcome says all of a file that has one, unless outcomes are not kept. */
export function toFileCheckpoint(file: FileState, keepOutcome: boolean): FileCheckpoint {
  const { failures, lookupFromMs, unverified } = file;
  const outcome = keepOutcome ? toOutcome(file) : undefined;
  return outcome === undefined ? { failures, lookupFromMs, unverified } : { failures: {}, outcome };
}

/** The outcome of a file of a batch. */
export function toOutcome({ options, outcome, lookupFromMs }: FileState): CollectOutcome | undefined {
  if (outcome === undefined || 'file' in outcome) return undefined;
  return 'outcome' in outcome ? outcome.outcome : toFailedOutcome(options, outcome.error, lookupFromMs);
}

function toFailedOutcome(
  { runtimePath }: FileOptions,
  error: BctrlError,
  lookupFromMs: number | undefined,
): CollectOutcome {
  const { reasonClass, message, code, status, requestId, hint } = error;
  return {
    outcome: 'failed',
    reasonClass,
    message: `${truncatePath(runtimePath)}: ${message}`,
    ...(code !== undefined && { code }),
    ...(status !== undefined && { status }),
    ...(requestId !== undefined && { requestId }),
    ...(hint !== undefined && { hint }),
    ...(lookupFromMs !== undefined && { unverified: true }),
  };
}
