import { Context } from '@temporalio/activity';
import type { BctrlError } from '../bctrl/bctrl-error.js';
import { type CollectEnd, metrics, NONE } from '../shared/metric-names.js';
import type { FileState } from './file-state.js';

interface End {
  readonly outcome: CollectEnd;
  readonly error?: BctrlError;
}

/**
 * Tells what became of files in an attempt, in metrics, and in one line of the log for each that failed.
 *
 * @param files those that had no outcome when the attempt began
 * @param nextDelayMs until the next attempt, if there is one
 */
export function reportCollects(files: readonly FileState[], nextDelayMs: number | undefined): void {
  tell(() => recordCollects(files, nextDelayMs));
}

/** A meter that fails must not decide what becomes of the files. */
function tell(record: () => void): void {
  try {
    record();
  } catch (error) {
    Context.current().log.warn('telemetry failed', { problem: String(error) });
  }
}

function recordCollects(files: readonly FileState[], nextDelayMs: number | undefined): void {
  const { log, metricMeter } = Context.current();
  const { collects, collectDuration, collectedBytes } = metrics;
  const duration = metricMeter.createHistogram(
    collectDuration.name,
    'float',
    collectDuration.unit,
    collectDuration.help,
  );
  const ends = new Map<string, { tags: { outcome: string; reason_class: string }; count: number }>();
  let bytes = 0;
  for (const file of files) {
    const end = toEnd(file);
    if (end === undefined) continue;
    const { outcome, error } = end;
    const reasonClass = error?.reasonClass ?? NONE;
    const key = `${outcome}/${reasonClass}`;
    const counted = ends.get(key) ?? { tags: { outcome, reason_class: reasonClass }, count: 0 };
    counted.count += 1;
    ends.set(key, counted);
    if (file.durationMs !== undefined) duration.record(file.durationMs / 1_000, counted.tags);
    if (file.acquired && outcome !== 'kept') bytes += file.acquired.sizeBytes;
    if (error === undefined) continue;
    const line = { runtimePath: file.options.runtimePath, ...toLine(error) };
    if (outcome === 'failed') log.warn('collect failed', line);
    else log.info('collect retried', { ...line, ...(nextDelayMs !== undefined && { nextDelayMs }) });
  }
  const counter = metricMeter.createCounter(collects.name, undefined, collects.help);
  for (const { tags, count } of ends.values()) counter.add(count, tags);
  metricMeter.createCounter(collectedBytes.name, collectedBytes.unit, collectedBytes.help).add(bytes);
}

/** Counts one look through the listing. */
export function countLookup(): void {
  const { name, help } = metrics.lookups;
  tell(() => Context.current().metricMeter.createCounter(name, undefined, help).add(1));
}

/** Nothing of a file that was not tried. */
function toEnd({ outcome, acquired, lastFailure }: FileState): End | undefined {
  if (outcome && 'error' in outcome) return { outcome: 'failed', error: outcome.error };
  if (acquired) return { outcome: acquired.via };
  return lastFailure && { outcome: 'retried', error: lastFailure.error };
}

/** Logs a lookup that failed, once for all the files that wait for it. */
export function reportLookupFailure(error: BctrlError, nextDelayMs: number): void {
  tell(() => Context.current().log.info('lookup retried', { ...toLine(error), nextDelayMs }));
}

/** Of the error's text only its message, which holds no query, key or body. */
function toLine({ reasonClass, code, status, requestId, message }: BctrlError) {
  return {
    reasonClass,
    ...(code !== undefined && { code }),
    ...(status !== undefined && { status }),
    ...(requestId !== undefined && { requestId }),
    problem: message,
  };
}
