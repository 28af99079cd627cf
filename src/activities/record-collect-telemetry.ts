import { Context } from '@temporalio/activity';
import type { BctrlError } from '../bctrl/bctrl-error.js';
import { toFailureCause } from '../shared/group-failures.js';
import { type CollectMetricOutcome, metrics, NONE } from '../shared/metric-names.js';
import type { FileState } from './collect-state.js';
import { toErrorFields } from './failures.js';

/** What an attempt did with a file. */
interface FileTelemetry {
  readonly outcome: CollectMetricOutcome;
  readonly error?: BctrlError;
  readonly untried?: true | undefined;
}

/**
 * Records what an attempt did with its files: in metrics, and in one log line for each file that failed. Files that were refused
 * for a cause that left others untried have one line together.
 *
 * @param files the files that were pending when the attempt began
 * @param nextDelayMs milliseconds until the next attempt, if there is one
 */
export function recordCollectTelemetry(files: readonly FileState[], nextDelayMs: number | undefined): void {
  ignoreErrors(() => recordFiles(files, nextDelayMs));
}

/** Counts one lookup, however many pages it reads. */
export function countLookup(): void {
  const { name, help } = metrics.lookups;
  ignoreErrors(() => Context.current().metricMeter.createCounter(name, undefined, help).add(1));
}

/** Logs a failed lookup, once for all the files that wait for it. */
export function logLookupFailure(error: BctrlError, nextDelayMs: number): void {
  ignoreErrors(() => Context.current().log.info('lookup retried', { ...toLogFields(error), nextDelayMs }));
}

/** A meter or logger that throws must not decide what becomes of the files. */
function ignoreErrors(record: () => void): void {
  try {
    record();
  } catch (error) {
    Context.current().log.warn('telemetry failed', { problem: String(error) });
  }
}

function recordFiles(files: readonly FileState[], nextDelayMs: number | undefined): void {
  const { log, metricMeter } = Context.current();
  const { collects, collectDuration, collectedBytes } = metrics;
  const { name, unit, help } = collectDuration;
  const duration = metricMeter.createHistogram(name, 'float', unit, help);
  const counts = new Map<string, { tags: { outcome: string; reason_class: string }; count: number }>();
  const failures: LoggedFailure[] = [];
  let bytes = 0;
  for (const file of files) {
    const telemetry = toFileTelemetry(file);
    if (telemetry === undefined) continue;
    const { outcome, error, untried } = telemetry;
    const reasonClass = error?.reasonClass ?? NONE;
    const key = `${outcome}/${reasonClass}`;
    const counted = counts.get(key) ?? { tags: { outcome, reason_class: reasonClass }, count: 0 };
    counted.count += 1;
    counts.set(key, counted);
    if (file.durationMs !== undefined) duration.record(file.durationMs / 1_000, counted.tags);
    if (outcome !== 'kept') bytes += getSizeBytes(file);
    if (error === undefined) continue;
    const fields = { runtimePath: file.options.runtimePath, ...toLogFields(error) };
    if (outcome === 'failed') {
      const cause = toFailureCause({ ...toErrorFields(error), message: error.message });
      failures.push({ cause, fields, untried });
    } else log.info('collect retried', { ...fields, ...(nextDelayMs !== undefined && { nextDelayMs }) });
  }
  logFailures(failures);
  const counter = metricMeter.createCounter(collects.name, undefined, collects.help);
  for (const { tags, count } of counts.values()) counter.add(count, tags);
  metricMeter.createCounter(collectedBytes.name, collectedBytes.unit, collectedBytes.help).add(bytes);
}

interface LoggedFailure {
  readonly cause: string;
  readonly fields: Record<string, unknown>;
  readonly untried: true | undefined;
}

function logFailures(failures: readonly LoggedFailure[]): void {
  const { log } = Context.current();
  const untried = countByCause(failures.filter((failure) => failure.untried));
  const failed = countByCause(failures);
  const logged = new Set<string>();
  for (const { cause, fields } of failures) {
    if (!untried.has(cause)) log.warn('collect failed', fields);
    else if (!logged.has(cause)) {
      log.warn('collect failed', { ...fields, files: failed.get(cause), untried: untried.get(cause) });
      logged.add(cause);
    }
  }
}

function countByCause(failures: readonly LoggedFailure[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { cause } of failures) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  return counts;
}

/** `undefined` for a file that has no outcome and was not tried. */
function toFileTelemetry({ outcome, lastFailure }: FileState): FileTelemetry | undefined {
  if (outcome && 'error' in outcome) {
    return { outcome: 'failed', error: outcome.error, untried: outcome.untried };
  }
  if (outcome && 'via' in outcome) return { outcome: outcome.via };
  return lastFailure && { outcome: 'retried', error: lastFailure.error };
}

function getSizeBytes({ outcome }: FileState): number {
  return outcome && 'file' in outcome ? (outcome.file.sizeBytes ?? 0) : 0;
}

/** The message of a BctrlError contains no query, key or body. */
function toLogFields(error: BctrlError) {
  const { hint: _, ...fields } = toErrorFields(error);
  return { ...fields, problem: error.message };
}
