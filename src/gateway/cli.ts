import { readFile } from 'node:fs/promises';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type FaultRule, parseFaultRules } from './faults.js';
import type { OnPathExists } from './gateway-state.js';
import { type IdStyle, idStyles } from './identity.js';
import { DEFAULT_HOST, type Gateway, startGateway } from './start-gateway.js';

interface Io {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  /** Aborts when the process is asked to end. */
  stop: AbortSignal;
}

interface Flags {
  workspace: string;
  storage: string;
  host: string;
  port: number;
  apiKey?: string[];
  faults?: string;
  seed?: number;
  onPathExists: OnPathExists;
  idStyle: IdStyle;
  listLag: number;
}

const exitCodes = { done: 0, wrongUsage: 2 } as const;

/** The port that the API's contract names for a local gateway. */
const DEFAULT_PORT = 8787;

/** Runs the gateway until it is told to stop; resolves to the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let gateway: Gateway;
  try {
    const command = createCommand(io).parse(argv, { from: 'user' });
    gateway = await start(command.opts());
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage;
    io.stderr.write(`error: ${toLine(error)}\n`);
    return exitCodes.wrongUsage;
  }
  io.stdout.write(`bctrl gateway listening on ${gateway.url}\n`);
  if (!io.stop.aborted) await new Promise((stopped) => io.stop.addEventListener('abort', stopped));
  await gateway.close();
  return exitCodes.done;
}

function createCommand(io: Io): Command {
  return new Command('bctrl-temporal-gateway')
    .description('A local bctrl API that keeps real files, for development and tests.')
    .option('--workspace <dir>', 'runtimes, each a folder named by its id', '.demo/workspace')
    .option('--storage <dir>', 'durable copies and the journal', '.demo/storage')
    .option('--host <address>', 'where to listen; an API key keeps nobody out', parseHost, DEFAULT_HOST)
    .option('--port <number>', '0 is any free port', parsePort, DEFAULT_PORT)
    .option('--api-key <key>', 'accepted; repeatable (default: "local-development-key")', addKey)
    .option('--faults <file>', 'JSON file of fault rules')
    .option('--seed <number>', "for the faults' random numbers (default: 1)", parseWhole)
    .addOption(
      new Option('--on-path-exists <what>', 'a second file of the same path')
        .choices(['refuse', 'keep-both'])
        .default('refuse'),
    )
    .addOption(
      new Option('--id-style <style>', 'how ids look: UUIDs, or like rt_… and file_…')
        .choices(idStyles)
        .default('uuid'),
    )
    .option('--list-lag <ms>', 'how long after it was made the listing shows a file', parseWhole, 0)
    .allowExcessArguments(false)
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .exitOverride();
}

async function start({
  workspace,
  storage,
  host,
  port,
  apiKey,
  faults,
  seed,
  onPathExists,
  idStyle,
  listLag,
}: Flags): Promise<Gateway> {
  return startGateway({
    workspaceDir: workspace,
    storageDir: storage,
    host,
    port,
    onPathExists,
    idStyle,
    listLagMs: listLag,
    ...(apiKey && { apiKeys: apiKey }),
    ...(faults === undefined ? {} : { faults: await readFaults(faults) }),
    ...(seed === undefined ? {} : { seed }),
  });
}

async function readFaults(file: string): Promise<FaultRule[]> {
  try {
    return parseFaultRules(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw new Error(`--faults ${file}: ${toLine(cause)}`, { cause });
  }
}

function addKey(key: string, keys: readonly string[] = []): string[] {
  return [...keys, key];
}

/** An empty one would mean all addresses to Node. */
function parseHost(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must be an address.');
  return text;
}

function parseWhole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function parsePort(text: string): number {
  const port = parseWhole(text);
  if (port > 65_535) throw new InvalidArgumentError('It must be at most 65535.');
  return port;
}

function toLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s*\n\s*/g, ' ');
}
