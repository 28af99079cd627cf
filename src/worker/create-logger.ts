import { DefaultLogger, type Logger, type LogLevel } from '@temporalio/worker';
import { type DestinationStream, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogConfig } from '../config.js';
import { toTerminalJson, toTerminalText } from '../shared/display-text.js';
import { formatLogEntry } from './format-log-entry.js';

export interface LogStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Fields that are the same in every line of a worker, or that the other fields imply. */
const IGNORED_WHEN_PRETTY = 'namespace,taskQueue,runId,workflowRunId,workflowType,activityId,sdkComponent';

/** The logger of the SDK's Runtime. The worker's own lines, the SDK's and those of its core all go through it. */
export function createLogger({ format, level }: LogConfig, stream: LogStream): Logger {
  const isPretty = format === undefined ? stream.isTTY === true : format === 'pretty';
  const destination = isPretty
    ? prettify(stream)
    : { write: (line: string) => stream.write(toTerminalJson(line)) };
  const formatters = { level: (level: string) => ({ level }) };
  const output = pino({ level, base: null, timestamp: false, formatters }, destination);
  return new DefaultLogger(level.toUpperCase() as Uppercase<typeof level>, (entry) => {
    const { level, fields } = formatLogEntry(entry);
    output[level.toLowerCase() as Lowercase<LogLevel>](fields, entry.message);
  });
}

function prettify(stream: LogStream): DestinationStream {
  const toText = prettyFactory({
    colorize: stream.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    ignore: IGNORED_WHEN_PRETTY,
  });
  return { write: (line) => stream.write(toText(parseSafe(line))) };
}

/** Parses a line before it gets colors: later, those of another party would look the same. */
function parseSafe(line: string): unknown {
  return JSON.parse(toTerminalText(line), (_, value) =>
    typeof value === 'string' ? toTerminalText(value) : value,
  );
}
