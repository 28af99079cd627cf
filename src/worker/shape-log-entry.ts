import { ApplicationFailure } from '@temporalio/common';
import { type LogEntry, type LogLevel, LogTimestamp } from '@temporalio/worker';

/** Of these each file that fails has a line of its own. */
const collectActivities = new Set(['collectRuntimeFile', 'collectRuntimeFiles']);

/**
 * What the SDK says of a workflow that ends with a failure that it means: any other error fails its task only. On its way
 * from the workflow's thread the failure has lost its type.
 */
const WORKFLOW_FAILED = 'Workflow failed';

export interface FormattedEntry {
  readonly level: LogLevel;
  /** JSON. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * The level and fields of a line. What the SDK says with a stack trace of a failure that is an answer of the API, or that
 * a workflow means, takes a line without one; of other errors the stack stays.
 */
export function formatLogEntry({
  level,
  message,
  meta = {},
}: Omit<LogEntry, 'timestampNanos'>): FormattedEntry {
  // Who has its token can end an activity.
  const { taskToken: _, isLocal: __, error, [LogTimestamp]: nanos, ...rest } = meta;
  const timeMs = typeof nanos === 'bigint' ? Number(nanos / 1_000_000n) : Date.now();
  const fields = { time: new Date(timeMs).toISOString(), ...rest };
  if (error === undefined) return { level, fields };
  if (message === WORKFLOW_FAILED) return { level, fields: { ...fields, problem: messageOf(error) } };
  if (!(error instanceof ApplicationFailure))
    return { level, fields: { ...fields, ...describeError(error) } };
  const isLogged = message === 'Activity failed' && isLoggedPerFile(error, meta['activityType']);
  return { level: isLogged ? 'DEBUG' : level, fields: { ...fields, ...describeFailure(error) } };
}

function describeError(error: unknown): object {
  return error instanceof Error
    ? { problem: `${error.name}: ${error.message}`, stack: error.stack }
    : { problem: messageOf(error) };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function describeFailure({ type, message, details }: ApplicationFailure): object {
  const { reasonClass, code, status, requestId } = toApiDetails(details) ?? {};
  const said = { reasonClass, code, status, requestId };
  return { failureType: type, problem: message, ...(reasonClass === undefined ? {} : said) };
}

/** An input that was refused before any file was tried is told by nobody else: it is no answer, and has no status. */
function isLoggedPerFile({ type, details }: ApplicationFailure, activityType: unknown): boolean {
  if (!collectActivities.has(String(activityType))) return false;
  const { reasonClass, status } = toApiDetails(details) ?? {};
  return (
    reasonClass !== undefined && reasonClass === type && !(type === 'invalid_input' && status === undefined)
  );
}

function toApiDetails(details: unknown[] | null | undefined): Record<string, unknown> | undefined {
  const [first] = details ?? [];
  return typeof first === 'object' && first !== null ? (first as Record<string, unknown>) : undefined;
}
