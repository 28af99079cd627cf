import { access, constants, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** One installed server: a folder of the cache whose name carries the version, and the executable inside. */
export interface CacheEntry {
  folder: string;
  executable: string;
}

/** The cache is outside the repository, so that a fresh clone does not build the servers again. */
export function cacheDir(env: NodeJS.ProcessEnv): string {
  if (env['BCTRL_TEMPORAL_CACHE_DIR']) return env['BCTRL_TEMPORAL_CACHE_DIR'];
  const xdg = env['XDG_CACHE_HOME'];
  // The XDG specification has relative paths ignored.
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'bctrl-temporal');
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

export async function findInCache(dir: string, entry: CacheEntry): Promise<string | undefined> {
  const path = join(dir, entry.folder, entry.executable);
  return (await isExecutable(path)) ? path : undefined;
}

/**
 * Runs `make` on a new folder and moves the result to its place in one step, so nobody ever sees half of it.
 * Of two processes that make the same entry, the first one's result stays and both use it.
 */
export async function install(
  dir: string,
  entry: CacheEntry,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  await mkdir(dir, { recursive: true });
  const temporary = await mkdtemp(join(dir, `.making-${entry.folder}-`));
  try {
    await make(temporary);
    if (!(await isExecutable(join(temporary, entry.executable)))) {
      throw new Error(`${entry.executable} is missing from what was made`);
    }
    return (await findInCache(dir, entry)) ?? (await moveIntoPlace(temporary, dir, entry));
  } finally {
    // A compiler of an interrupted build may still be writing its last file.
    await rm(temporary, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function moveIntoPlace(temporary: string, dir: string, entry: CacheEntry): Promise<string> {
  const place = join(dir, entry.folder);
  try {
    await rename(temporary, place);
  } catch (error) {
    const others = await findInCache(dir, entry);
    if (others) return others;
    if (!isNotEmpty(error)) throw error;
    // A folder without its executable is a damaged installation.
    await rm(place, { recursive: true, force: true });
    await rename(temporary, place);
  }
  return join(place, entry.executable);
}

function isNotEmpty(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST');
}
