import type { Logger, LogLevel, LogMetadata } from '@temporalio/worker';
import { type DestinationStream, type Level, pino } from 'pino';
import { formatLogEntry } from './shape-log-entry.js';

export interface LogConfig {
  /** `json`: one object a line. */
  readonly format: 'json' | 'pretty';
  readonly level: Level;
}

/** What a person who watches one worker knows already. */
const IGNORED_WHEN_PRETTY = 'namespace,taskQueue,runId,workflowRunId,workflowType,activityId,sdkComponent';

/** A logger for the SDK's runtime, which everything goes through: the worker's own lines, the SDK's, its core's. */
export async function createLogger({ format, level }: LogConfig, stream: DestinationStream): Promise<Logger> {
  const destination = format === 'json' ? stream : await prettify(stream);
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
    const { level: shaped, fields } = formatLogEntry({ level, message, ...(meta && { meta }) });
    this.#pino[toPinoLevel(shaped)](fields, message);
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

async function prettify(stream: DestinationStream & { isTTY?: boolean }): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty');
  const toText = prettyFactory({
    colorize: stream.isTTY === true,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    ignore: IGNORED_WHEN_PRETTY,
  });
  return { write: (line) => stream.write(toText(line)) };
}
