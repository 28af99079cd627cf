/** The longest delay of the retry table: a server that asks for a day is tried again before a pipeline gives up. */
const MAX_RETRY_AFTER_MS = 10 * 60 * 1_000;

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const month = `(?<month>${months.join('|')})`;
const time = '(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})';
const day = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)';
const fullDay = '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day';

/** The date forms of RFC 9110, section 5.6.7: IMF-fixdate, RFC 850, asctime. */
const dateForms = [
  new RegExp(`^${day}, (?<date>\\d{2}) ${month} (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^${fullDay}, (?<date>\\d{2})-${month}-(?<year>\\d{2}) ${time} GMT$`),
  new RegExp(`^${day} ${month} (?<date>[ \\d]\\d) ${time} (?<year>\\d{4})$`),
];

/**
 * Parses a Retry-After header into milliseconds: 0 for a date in the past, at most 10 minutes. Returns `undefined` for anything
 * that is neither RFC 9110 delay-seconds nor an HTTP date.
 *
 * @param nowMs the time by the server's clock, which a date refers to
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, MAX_RETRY_AFTER_MS);
  const dateMs = parseHttpDate(text, nowMs);
  return dateMs === undefined ? undefined : Math.min(Math.max(dateMs - nowMs, 0), MAX_RETRY_AFTER_MS);
}

/** Parses an HTTP date in any form of RFC 9110 into milliseconds since the epoch. `nowMs` decides the century of two digits. */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  for (const form of dateForms) {
    const parts = form.exec(text)?.groups;
    if (parts === undefined) continue;
    const year = resolveYear(parts['year'] ?? '', nowMs);
    const fields = [
      months.indexOf(parts['month'] ?? ''),
      Number(parts['date']),
      Number(parts['hour']),
      Number(parts['minute']),
      Number(parts['second']),
    ] as const;
    const date = new Date(Date.UTC(year, ...fields));
    // Date.UTC carries 31 February over into March, but 31 February is not a date.
    const isReal = date.getUTCMonth() === fields[0] && date.getUTCDate() === fields[1] && fields[2] < 24;
    return isReal && fields[3] < 60 && fields[4] <= 60 ? date.getTime() : undefined;
  }
  return undefined;
}

/** RFC 9110: two digits stand for the latest such year that is at most 50 years in the future. */
function resolveYear(digits: string, nowMs: number): number {
  if (digits.length === 4) return Number(digits);
  const latest = new Date(nowMs).getUTCFullYear() + 50;
  return latest - ((latest - Number(digits)) % 100);
}
