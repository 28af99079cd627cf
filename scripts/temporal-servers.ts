import { resolve } from 'node:path';
import { findOnPath } from './temporal-servers/build-tool.js';
import { type CacheEntry, cacheDir, findInCache, install, isExecutable } from './temporal-servers/cache.js';
import { buildDevServer } from './temporal-servers/go-build.js';
import { buildTestServer } from './temporal-servers/maven-build.js';
import type { ServerKind } from './temporal-servers/sdk-download.js';
import { resolveServerIo, type ServerIo } from './temporal-servers/server-io.js';
import { CLI_VERSION, SDK_VERSION, TEST_SERVER_VERSION } from './temporal-servers/versions.js';

/** One way to get a server that is not on this machine yet. */
interface Source extends CacheEntry {
  /** As in "Building the Temporal dev server with Go, once, about 5 minutes". */
  doing: string;
  tool: string;
  takes?: string;
  make: (folder: string, io: ServerIo) => Promise<void>;
}

interface Server {
  name: string;
  /** The environment variable that names an executable to use. */
  variable: string;
  /** The command to look for on PATH. */
  command?: string;
  /** In the order in which they are tried. */
  sources: Source[];
}

const DEV_SERVER: Server = {
  name: 'Temporal dev server',
  variable: 'BCTRL_TEMPORAL_DEV_SERVER',
  command: 'temporal',
  sources: [
    sdkDownload('dev-server', `temporal-cli-sdk-${SDK_VERSION}`, 'temporal'),
    {
      folder: `temporal-cli-${CLI_VERSION}`,
      executable: 'temporal',
      doing: 'Building',
      tool: 'Go',
      takes: 'about 5 minutes',
      make: buildDevServer,
    },
  ],
};

const TEST_SERVER: Server = {
  name: 'Temporal test server',
  variable: 'BCTRL_TEMPORAL_TEST_SERVER',
  sources: [
    sdkDownload('time-skipping', `temporal-test-server-sdk-${SDK_VERSION}`, 'temporal-test-server'),
    {
      folder: `temporal-test-server-${TEST_SERVER_VERSION}`,
      executable: 'temporal-test-server',
      doing: 'Building',
      tool: 'Maven',
      takes: 'about 10 seconds',
      make: buildTestServer,
    },
  ],
};

function sdkDownload(kind: ServerKind, folder: string, executable: string): Source {
  return {
    folder,
    executable,
    doing: 'Downloading',
    tool: 'the Temporal SDK',
    make: (dir, io) => io.download(kind, dir, executable, io),
  };
}

/** The absolute path of a `temporal` executable with `server start-dev`; downloads or builds it when there is none. */
export async function resolveDevServer(io?: Partial<ServerIo>): Promise<string> {
  return resolveServer(DEV_SERVER, resolveServerIo(io));
}

/** The absolute path of the time-skipping test server (one argument, the port); downloads or builds it when there is none. */
export async function resolveTestServer(io?: Partial<ServerIo>): Promise<string> {
  return resolveServer(TEST_SERVER, resolveServerIo(io));
}

async function resolveServer(server: Server, io: ServerIo): Promise<string> {
  const explicit = io.env[server.variable];
  if (explicit) {
    const path = resolve(explicit);
    if (!(await isExecutable(path))) throw new Error(`${server.variable} names no executable file: ${path}`);
    return path;
  }
  const command = server.command && (await findOnPath(server.command, io.env));
  return command || (await findInstalled(server, io)) || (await makeServer(server, io));
}

async function findInstalled(server: Server, io: ServerIo): Promise<string | undefined> {
  for (const source of server.sources) {
    const path = await findInCache(cacheDir(io.env), source);
    if (path) return path;
  }
  return undefined;
}

async function makeServer(server: Server, io: ServerIo): Promise<string> {
  const failures: string[] = [];
  for (const source of server.sources) {
    const { doing, tool, takes } = source;
    io.log(`${doing} the ${server.name} with ${tool}, once${takes ? `, ${takes}` : ''} …`);
    const startedMs = performance.now();
    try {
      const path = await install(cacheDir(io.env), source, (folder) => source.make(folder, io));
      io.log(
        `The ${server.name} is ready after ${Math.round((performance.now() - startedMs) / 1_000)} s: ${path}`,
      );
      return path;
    } catch (error) {
      io.signal?.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      io.log(`${doing} the ${server.name} with ${tool} failed: ${reason}.`);
      failures.push(`${doing} it with ${tool} failed: ${reason}.`);
    }
  }
  throw new Error(
    `There is no ${server.name}. ${failures.join(' ')} Install what is missing, or set ${server.variable} to its path.`,
  );
}
