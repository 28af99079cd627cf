import { readFile } from 'node:fs/promises';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type FaultRule, parseFaultRules } from './faults.js';
import { toHostName } from './guard-requests.js';
import { idStyles } from './ids.js';
import { DEFAULT_HOST, type Gateway, type GatewayOptions, startGateway } from './start-gateway.js';

interface Io {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  /** Aborts when the process is asked to end. */
  stop: AbortSignal;
}

/** Values of the command line; most are named as in `GatewayOptions`. */
interface Flags extends Pick<GatewayOptions, 'host' | 'port' | 'seed' | 'onPathExists' | 'idStyle'> {
  workspace: string;
  storage: string;
  allowHost?: string[];
  apiKey?: string[];
  faults?: string;
  listLag: number;
}

const exitCodes = { ok: 0, startFailed: 1, usage: 2 } as const;

/** The port of the local gateway in the API's contract. */
const DEFAULT_PORT = 8787;

/** Runs the gateway until `stop` aborts; resolves to the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let gateway: Gateway;
  try {
    gateway = await start(createCommand(io).parse(argv, { from: 'user' }).opts());
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    io.stderr.write(`error: ${toLine(error)}\n`);
    return exitCodes.startFailed;
  }
  io.stdout.write(`bctrl gateway listening on ${gateway.url}\n`);
  if (!io.stop.aborted) await new Promise((stopped) => io.stop.addEventListener('abort', stopped));
  await gateway.close();
  return exitCodes.ok;
}

function createCommand(io: Io): Command {
  return new Command('bctrl-temporal-gateway')
    .description('A local bctrl API for development and tests. It copies and keeps real files.')
    .option('--workspace <dir>', 'one folder per runtime, named by the runtime id', '.demo/workspace')
    .option('--storage <dir>', 'collected files and the journal', '.demo/storage')
    .option('--host <address>', 'address to listen on; the API key is no protection', parseHost, DEFAULT_HOST)
    .option('--allow-host <name>', 'host name by which clients may reach it; repeatable', addHostName)
    .option('--port <number>', 'port to listen on; 0 picks a free one', parsePort, DEFAULT_PORT)
    .option('--api-key <key>', 'accepted API key; repeatable (default: "local-development-key")', addKey)
    .option('--faults <file>', 'JSON file of fault rules')
    .option('--seed <number>', "seed of the faults' random numbers (default: 1)", parseWhole)
    .addOption(
      new Option('--on-path-exists <what>', 'what happens when a destination path is taken')
        .choices(['refuse', 'keep-both'])
        .default('refuse'),
    )
    .addOption(
      new Option('--id-style <style>', 'format of ids: UUIDs, or prefixed as rt_… and file_…')
        .choices(idStyles)
        .default('uuid'),
    )
    .option('--list-lag <ms>', 'how long GET /v1/files hides a new file', parseWhole, 0)
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
  listLag,
  allowHost,
  apiKey,
  faults,
  ...options
}: Flags): Promise<Gateway> {
  return startGateway({
    ...options,
    workspaceDir: workspace,
    storageDir: storage,
    listLagMs: listLag,
    ...(allowHost && { allowHosts: allowHost }),
    ...(apiKey && { apiKeys: apiKey }),
    ...(faults !== undefined && { faults: await readFaults(faults) }),
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

function addHostName(name: string, names: readonly string[] = []): string[] {
  if (name === '' || toHostName(name) !== name.toLowerCase())
    throw new InvalidArgumentError('It must be a host name.');
  return [...names, name];
}

function parseHost(text: string): string {
  // Node would take an empty address for all addresses.
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
