const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** A duration as people read it, in its two largest units: `12.3 s`, `4 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 59_950) return `${(Math.max(ms, 0) / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const [name, unitMs] = units.find(([, size]) => seconds * 1_000 >= size) ?? units[2];
  const whole = Math.floor((seconds * 1_000) / unitMs);
  const restMs = seconds * 1_000 - whole * unitMs;
  const [smaller, smallerMs] = units[units.findIndex(([unit]) => unit === name) + 1] ?? ['s', 1_000];
  const rest = Math.floor(restMs / smallerMs);
  return rest === 0 ? `${whole} ${name}` : `${whole} ${name} ${rest} ${smaller}`;
}
