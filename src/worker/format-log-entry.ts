import { ApplicationFailure } from '@temporalio/common';
import { type LogEntry, type LogLevel, LogTimestamp } from '@temporalio/worker';
import { toMessage } from '../exit.js';

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
export function formatLogEntry({
  level,
  message,
  meta = {},
}: Omit<LogEntry, 'timestampNanos'>): FormattedEntry {
  // A task token allows to complete the activity, so it is a secret.
  const { taskToken: _, isLocal: __, error, [LogTimestamp]: nanos, ...rest } = meta;
  const timeMs = typeof nanos === 'bigint' ? Number(nanos / 1_000_000n) : Date.now();
  const fields = { time: new Date(timeMs).toISOString(), ...rest };
  if (error === undefined) return { level, fields };
  if (message === WORKFLOW_FAILED) return { level, fields: { ...fields, problem: toMessage(error) } };
  if (!(error instanceof ApplicationFailure))
    return { level, fields: { ...fields, ...toErrorFields(error) } };
  const isRepetition =
    message === ACTIVITY_FAILED && collectActivities.includes(meta['activityType']) && isLoggedPerFile(error);
  return { level: isRepetition ? 'DEBUG' : level, fields: { ...fields, ...toFailureFields(error) } };
}

function toErrorFields(error: unknown): object {
  if (!(error instanceof Error)) return { problem: String(error) };
  return { problem: `${error.name}: ${error.message}`, stack: error.stack };
}

function toFailureFields(failure: ApplicationFailure): object {
  const { reasonClass, code, status, requestId } = toApiDetails(failure);
  return {
    failureType: failure.type,
    problem: failure.message,
    ...(reasonClass !== undefined && { reasonClass, code, status, requestId }),
  };
}

/** A failure of the API, which every file has logged. An invalid input, which no file has logged, has no status. */
function isLoggedPerFile(failure: ApplicationFailure): boolean {
  const { reasonClass, status } = toApiDetails(failure);
  if (reasonClass === 'invalid_input' && status === undefined) return false;
  return reasonClass !== undefined && reasonClass === failure.type;
}

function toApiDetails({ details }: ApplicationFailure): Record<string, unknown> {
  const [first] = details ?? [];
  return typeof first === 'object' && first !== null ? { ...first } : {};
}
