import { ApplicationFailure } from '@temporalio/common';
import type { LogEntry, LogLevel } from '@temporalio/worker';
import { toMessage } from '../shared/display-text.js';
import { isDescribeQueue } from '../shared/worker-state.js';

/** Activities that log one line for each file that fails. */
const collectActivities: readonly unknown[] = ['collectRuntimeFile', 'collectRuntimeFiles'];

/** Messages of the SDK. A workflow's failure has lost its class on the way from the workflow thread. */
const ACTIVITY_FAILED = 'Activity failed';
const WORKFLOW_FAILED = 'Workflow failed';

export interface FormattedEntry {
  readonly level: LogLevel;
  /** JSON. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * The level and fields of a log line. Failures of the API and of workflows are expected and get no stack trace; other
 * errors keep theirs.
 */
export function formatLogEntry({ level, message, timestampNanos, meta = {} }: LogEntry): FormattedEntry {
  // The task token is a secret: with it anyone could complete the activity.
  const { taskToken: _, isLocal: __, error, ...rest } = meta;
  const fields = { time: new Date(Number(timestampNanos / 1_000_000n)).toISOString(), ...rest };
  // What the second worker says of itself would look like the first one's.
  const isOfSecondWorker = level !== 'ERROR' && isDescribeQueue(meta['taskQueue']);
  const shownLevel = isOfSecondWorker ? 'DEBUG' : level;
  if (error === undefined) return { level: shownLevel, fields };
  const isRepetition =
    message === ACTIVITY_FAILED && collectActivities.includes(meta['activityType']) && isLoggedPerFile(error);
  return {
    level: isRepetition ? 'DEBUG' : shownLevel,
    fields: { ...fields, ...toErrorFields(message, error) },
  };
}

/** Whether the error is an API failure, which every file has logged. A refused input, which none has, has no status. */
function isLoggedPerFile(error: unknown): boolean {
  if (!(error instanceof ApplicationFailure)) return false;
  const { reasonClass, status } = toApiDetails(error);
  if (reasonClass === 'invalid_input' && status === undefined) return false;
  return reasonClass !== undefined && reasonClass === error.type;
}

function toErrorFields(message: string, error: unknown): object {
  if (message === WORKFLOW_FAILED || !(error instanceof Error)) return { problem: toMessage(error) };
  if (error instanceof ApplicationFailure) {
    const { reasonClass, code, status, requestId } = toApiDetails(error);
    const apiFields = reasonClass === undefined ? {} : { reasonClass, code, status, requestId };
    return { failureType: error.type, problem: error.message, ...apiFields };
  }
  return { problem: `${error.name}: ${error.message}`, stack: error.stack };
}

function toApiDetails({ details }: ApplicationFailure): Record<string, unknown> {
  const [first] = details ?? [];
  return typeof first === 'object' && first !== null ? { ...first } : {};
}
