import type { WorkflowExecutionInfo } from '@temporalio/client';

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Formats a size: `999 B`, `12.3 kB`. */
export function formatBytes(bytes: number): string {
  let [value, exponent] = [bytes, 0];
  // With one decimal, 999.95 would be rounded up to 1000.0.
  while (value >= (exponent === 0 ? 1_000 : 999.95) && exponent < byteUnits.length - 1) {
    value /= 1_000;
    exponent += 1;
  }
  return `${exponent === 0 ? value : value.toFixed(1)} ${byteUnits[exponent]}`;
}

const durationUnits = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** Formats a duration in its two largest units: `12.3 s`, `4 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  // From 59.95 s on, one decimal would read 60.0 s.
  if (ms < 59_950) return `${(Math.max(ms, 0) / 1_000).toFixed(1)} s`;
  const roundedMs = Math.round(ms / 1_000) * 1_000;
  const index = durationUnits.findIndex(([, unitMs]) => roundedMs >= unitMs);
  const [name, unitMs] = durationUnits[index] ?? durationUnits[2];
  const [smallerName, smallerMs] = durationUnits[index + 1] ?? ['s', 1_000];
  const rest = Math.floor((roundedMs % unitMs) / smallerMs);
  const whole = `${Math.floor(roundedMs / unitMs)} ${name}`;
  return rest === 0 ? whole : `${whole} ${rest} ${smallerName}`;
}

/** Formats how long ago something was, in one unit: `12.3 s ago`, `2 h ago`. */
export function formatAge(ms: number): string {
  const [value, unit] = formatDuration(ms).split(' ');
  return `${value} ${unit} ago`;
}

/** The status of a workflow as all commands spell it: `running`, `completed`, `timed-out`. */
export function formatStatus({ status }: Pick<WorkflowExecutionInfo, 'status'>): string {
  return status.name.toLowerCase().replaceAll('_', '-');
}
