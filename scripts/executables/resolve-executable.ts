import { access, constants, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/** What finding an executable needs from its surroundings. */
export interface ResolveIo {
  /** Read for the explicit path, the cache folder and `PATH`, and passed on to the tools. */
  env: NodeJS.ProcessEnv;
  /** Receives one line before and after everything that takes longer than looking at a file. */
  log: (line: string) => void;
  /** Ends a running download or build; what was made so far is removed. */
  signal: AbortSignal | undefined;
}

/** One way to get an executable that is not on this machine yet. */
export interface Source {
  /** For messages such as "Building the Temporal dev server with Go, once, about 5 minutes". */
  doing: 'Downloading' | 'Building';
  tool: string;
  takes?: string;
  /** The folder of the cache; its name carries the version. */
  folder: string;
  /** Puts the executable, under the command's name, and everything it needs into a folder. */
  make: (folder: string, io: ResolveIo) => Promise<void>;
}

export interface ExecutableSpec {
  /** For messages, such as "Temporal dev server". */
  name: string;
  /** The environment variable with the path of an executable to use. */
  variable: string;
  /** The file name in the cache. */
  command: string;
  /** Commands to look for on `PATH`. */
  onPath: readonly string[];
  /** In the order in which they are tried. */
  sources: readonly Source[];
}

/**
 * Returns the absolute path of an executable: the one of its environment variable, else the first on `PATH`, else the one in
 * the cache, else a new one of the first source that succeeds.
 */
export async function resolveExecutable(
  spec: ExecutableSpec,
  given: Partial<ResolveIo> = {},
): Promise<string> {
  const io = { env: process.env, log: console.error, signal: undefined, ...given };
  const explicit = io.env[spec.variable];
  if (explicit) {
    const path = resolve(explicit);
    if (!(await isExecutable(path))) throw new Error(`${spec.variable} names no executable file: ${path}`);
    return path;
  }
  for (const command of spec.onPath) {
    const path = await findOnPath(command, io.env);
    if (path) return path;
  }
  for (const { folder } of spec.sources) {
    const path = join(cacheDir(io.env), folder, spec.command);
    if (await isExecutable(path)) return path;
  }
  return await makeExecutable(spec, io);
}

export async function findOnPath(command: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const dir of (env['PATH'] ?? '').split(delimiter)) {
    const path = resolve(dir, command);
    if (dir && (await isExecutable(path))) return path;
  }
  return undefined;
}

/** The cache is outside the repository, so that a fresh clone does not build the servers again. */
function cacheDir(env: NodeJS.ProcessEnv): string {
  if (env['BCTRL_TEMPORAL_CACHE_DIR']) return env['BCTRL_TEMPORAL_CACHE_DIR'];
  const xdg = env['XDG_CACHE_HOME'];
  // The XDG specification says to ignore relative paths.
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'bctrl-temporal');
}

async function makeExecutable(spec: ExecutableSpec, io: ResolveIo): Promise<string> {
  const failures: string[] = [];
  for (const source of spec.sources) {
    const what = `${source.doing} the ${spec.name} with ${source.tool}`;
    io.log(`${what}, once${source.takes ? `, ${source.takes}` : ''} …`);
    const startedMs = performance.now();
    try {
      const path = await install(spec, source, io);
      const seconds = Math.round((performance.now() - startedMs) / 1_000);
      io.log(`The ${spec.name} is ready after ${seconds} s: ${path}`);
      return path;
    } catch (error) {
      io.signal?.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      io.log(`${what} failed: ${reason}.`);
      failures.push(`${source.doing} it with ${source.tool} failed: ${reason}.`);
    }
  }
  throw new Error(
    `There is no ${spec.name}. ${failures.join(' ')} Install what is missing, or set ${spec.variable} to its path.`,
  );
}

/**
 * Makes the executable in a temporary folder and moves that to its place in one step, so that nobody sees a half-made one. If
 * another process was faster, its result is used.
 */
async function install(spec: ExecutableSpec, source: Source, io: ResolveIo): Promise<string> {
  const dir = cacheDir(io.env);
  const place = join(dir, source.folder);
  const path = join(place, spec.command);
  await mkdir(dir, { recursive: true });
  const temporary = await mkdtemp(join(dir, `.making-${source.folder}-`));
  try {
    await source.make(temporary, io);
    if (!(await isExecutable(join(temporary, spec.command)))) throw new Error(`it left no ${spec.command}`);
    await rename(temporary, place).catch(async () => {
      if (await isExecutable(path)) return;
      // A folder without its executable is a damaged installation.
      await rm(place, { recursive: true, force: true });
      await rename(temporary, place);
    });
    return path;
  } finally {
    // The compiler of an interrupted build may still write its last file.
    await rm(temporary, { recursive: true, force: true, maxRetries: 5 });
  }
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
