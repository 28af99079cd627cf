import type { BctrlError } from '../bctrl/bctrl-error.js';
import type { CollectedFile, FileOptions } from '../shared/collect.js';
import type { CollectOutcome } from '../shared/collect-outcome.js';
import { truncatePath } from '../shared/display-text.js';
import type { CollectCheckpoint, FileCheckpoint } from '../shared/heartbeat-details.js';
import { toErrorFields } from './failures.js';

export interface FileWithKey {
  readonly options: FileOptions;
  /** Its collection key. */
  readonly key: string;
}

/** A file that is in durable storage, and how this attempt came by it. */
export interface AcquiredFile {
  readonly file: CollectedFile;
  /** `found`: an earlier request for the same file created it. `kept`: it is a foreign file at the same path. */
  readonly via: 'collected' | 'found' | 'kept';
}

/** Acquired in this attempt, restored from the checkpoint of an earlier one, or finally failed. */
type AttemptOutcome = AcquiredFile | { readonly restored: CollectOutcome } | FinalFailure;

interface FinalFailure {
  readonly error: BctrlError;
  /** No request was sent for it in this attempt: it would be refused like others. */
  readonly untried?: true | undefined;
}

/** A failure that is not final. */
export interface RetriedFailure {
  readonly error: BctrlError;
  /** Milliseconds until the next attempt. */
  readonly delayMs: number;
}

/** A file during an attempt. It is pending while it has no outcome. */
export interface FileState
  extends FileWithKey,
    Pick<FileCheckpoint, 'failures' | 'lookupFromMs' | 'unverified'> {
  /** Its failure in this attempt. */
  lastFailure?: RetriedFailure;
  outcome?: AttemptOutcome;
  /** Duration of its collect in this attempt, including the wait for its turn. */
  durationMs?: number;
}

/** The files of an activity and what its attempts have learned, during an attempt. */
export interface CollectState extends Omit<CollectCheckpoint, 'files'> {
  readonly runtimeId: string;
  readonly files: readonly FileState[];
  /** When the listing shows what earlier attempts created, by `performance.now()`. */
  readonly listSettledAtMs: number;
}

/** The outcome of a collected file, as a batch reports it. */
export type ToOutcome = (file: CollectedFile) => CollectOutcome;

export function isPending({ outcome }: FileState): boolean {
  return outcome === undefined;
}

/** Whether the file is pending, and an earlier request may have created it. */
export function isUncertain(file: FileState): boolean {
  return isPending(file) && file.lookupFromMs !== undefined;
}

/** Whether this attempt or an earlier one has found the file in durable storage, or put it there. */
export function isStored({ outcome }: FileState): boolean {
  if (outcome === undefined) return false;
  return 'restored' in outcome ? outcome.restored.outcome !== 'failed' : 'file' in outcome;
}

/** What the attempts before may have done beyond what their checkpoint says. */
interface EarlierAttempts {
  /** The earliest time at which they may have created a file without saying so; `undefined` if they cannot have done so. */
  readonly uncertainFromMs: number | undefined;
  /** One of them was lost: it may have requested a file that an earlier one had created. */
  readonly isLost: boolean;
}

/** Restores a file from the checkpoint of the attempts before. */
export function restoreFileState(
  file: FileWithKey,
  checkpoint: FileCheckpoint | undefined,
  { uncertainFromMs, isLost }: EarlierAttempts,
): FileState {
  const { outcome, failures = {} } = checkpoint ?? {};
  if (outcome !== undefined) return { ...file, failures, outcome: { restored: outcome } };
  const times = [checkpoint?.lookupFromMs, uncertainFromMs].filter((time) => time !== undefined);
  const unverified = checkpoint?.unverified || isLost || undefined;
  return {
    ...file,
    failures,
    ...(times.length > 0 && { lookupFromMs: Math.min(...times) }),
    ...(unverified && { unverified }),
  };
}

/** @param toOutcomeOfBatch `undefined` for an activity whose checkpoint contains no outcomes */
export function toFileCheckpoint(file: FileState, toOutcomeOfBatch: ToOutcome | undefined): FileCheckpoint {
  const { failures, lookupFromMs, unverified } = file;
  const outcome = toOutcomeOfBatch && toCollectOutcome(file, toOutcomeOfBatch);
  return outcome === undefined ? { failures, lookupFromMs, unverified } : { failures: {}, outcome };
}

/** The outcome of a file of a batch; `undefined` while the file is pending. */
export function toCollectOutcome(
  { options, outcome, lookupFromMs }: FileState,
  toOutcome: ToOutcome,
): CollectOutcome | undefined {
  if (outcome === undefined) return undefined;
  if ('restored' in outcome) return outcome.restored;
  if ('file' in outcome) return toOutcome(outcome.file);
  const { error, untried } = outcome;
  return {
    outcome: 'failed',
    ...toErrorFields(error),
    message: `${truncatePath(options.runtimePath)}: ${error.message}`,
    ...(lookupFromMs !== undefined && { unverified: true }),
    ...(untried && { untried }),
  };
}
