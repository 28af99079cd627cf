import type { Logger, LogLevel, LogMetadata } from '@temporalio/worker';
import { type DestinationStream, type Level, pino } from 'pino';
import type { LogConfig } from '../config.js';
import { formatLogEntry } from './format-log-entry.js';

export interface LogStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Fields that are the same in every line of a worker, or that the other fields imply. */
const IGNORED_WHEN_PRETTY = 'namespace,taskQueue,runId,workflowRunId,workflowType,activityId,sdkComponent';

/** The logger of the SDK's Runtime. The worker's own lines, the SDK's and those of its core all go through it. */
export async function createLogger({ format, level }: LogConfig, stream: LogStream): Promise<Logger> {
  const isPretty = format === undefined ? stream.isTTY === true : format === 'pretty';
  const destination = isPretty ? await prettify(stream) : stream;
  const options = { level, base: null, timestamp: false, formatters: { level: toLevelField } } as const;
  return new PinoLogger(pino(options, destination));
}

const toLevelField = (level: string) => ({ level });

class PinoLogger implements Logger {
  readonly #pino: pino.Logger;

  constructor(logger: pino.Logger) {
    this.#pino = logger;
  }

  log(level: LogLevel, message: string, meta?: LogMetadata): void {
    if (!this.#pino.isLevelEnabled(toPinoLevel(level))) return;
    const entry = formatLogEntry({ level, message, ...(meta && { meta }) });
    this.#pino[toPinoLevel(entry.level)](entry.fields, message);
  }

  trace = (message: string, meta?: LogMetadata): void => this.log('TRACE', message, meta);
  debug = (message: string, meta?: LogMetadata): void => this.log('DEBUG', message, meta);
  info = (message: string, meta?: LogMetadata): void => this.log('INFO', message, meta);
  warn = (message: string, meta?: LogMetadata): void => this.log('WARN', message, meta);
  error = (message: string, meta?: LogMetadata): void => this.log('ERROR', message, meta);
}

function toPinoLevel(level: LogLevel): Level {
  return level.toLowerCase() as Lowercase<LogLevel>;
}

async function prettify(stream: LogStream): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty');
  const toText = prettyFactory({
    colorize: stream.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    ignore: IGNORED_WHEN_PRETTY,
  });
  return { write: (line) => stream.write(toText(line)) };
}
