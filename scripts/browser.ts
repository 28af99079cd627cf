import { resolve } from 'node:path';
import { downloadWithPlaywright, PLAYWRIGHT_VERSION } from './browser/playwright-download.js';
import { findOnPath, runTool } from './temporal-servers/build-tool.js';
import { cacheDir, findInCache, install, isExecutable } from './temporal-servers/cache.js';

const VARIABLE = 'BCTRL_TEST_BROWSER';

const COMMANDS = ['chromium', 'google-chrome'];

/** A browser without fonts shows empty boxes; a server has none. */
const DEBIAN_PACKAGES = ['chromium', 'fonts-dejavu-core'];

const DOWNLOADED = { folder: `chromium-playwright-${PLAYWRIGHT_VERSION}`, executable: 'chromium' };

/** What finding a browser needs from the world around it. */
export interface BrowserIo {
  /** Read for `BCTRL_TEST_BROWSER`, the place of the cache and `PATH`, and given to the tools. */
  env: NodeJS.ProcessEnv;
  /** Receives one line for everything that takes longer than looking at a file. */
  log: (line: string) => void;
  /** Ends a download or an installation. */
  signal: AbortSignal | undefined;
  /** Puts an executable `chromium`, and what it needs, into a folder. */
  download: (folder: string, io: Pick<BrowserIo, 'env' | 'signal'>) => Promise<void>;
  isRoot: boolean;
}

/** One way to get a browser that is not on this machine yet. */
interface Source {
  /** As in "Downloading the browser with Playwright, once". */
  doing: string;
  tool: string;
  get: (io: BrowserIo) => Promise<string>;
}

const SOURCES: Source[] = [
  {
    doing: 'Downloading',
    tool: 'Playwright',
    get: (io) => install(cacheDir(io.env), DOWNLOADED, (folder) => io.download(folder, io)),
  },
  { doing: 'Installing', tool: 'apt-get', get: installWithApt },
];

/** The absolute path of a Chromium or Chrome; downloads or installs one when there is none. */
export async function resolveBrowser(given: Partial<BrowserIo> = {}): Promise<string> {
  const io: BrowserIo = {
    env: process.env,
    log: (line) => console.error(line),
    signal: undefined,
    download: downloadWithPlaywright,
    isRoot: process.getuid?.() === 0,
    ...given,
  };
  const explicit = io.env[VARIABLE];
  if (explicit) {
    const path = resolve(explicit);
    if (!(await isExecutable(path))) throw new Error(`${VARIABLE} names no executable file: ${path}`);
    return path;
  }
  return (
    (await findCommand(io)) ?? (await findInCache(cacheDir(io.env), DOWNLOADED)) ?? (await getBrowser(io))
  );
}

async function findCommand({ env }: BrowserIo): Promise<string | undefined> {
  for (const command of COMMANDS) {
    const path = await findOnPath(command, env);
    if (path) return path;
  }
  return undefined;
}

async function getBrowser(io: BrowserIo): Promise<string> {
  const failures: string[] = [];
  for (const { doing, tool, get } of SOURCES) {
    io.log(`${doing} the browser with ${tool}, once …`);
    try {
      const path = await get(io);
      io.log(`The browser is ready: ${path}`);
      return path;
    } catch (error) {
      io.signal?.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      io.log(`${doing} the browser with ${tool} failed: ${reason}.`);
      failures.push(`${doing} it with ${tool} failed: ${reason}.`);
    }
  }
  throw new Error(
    `There is no browser. ${failures.join(' ')} Install Chromium or Chrome, or set ${VARIABLE} to its path.`,
  );
}

async function installWithApt(io: BrowserIo): Promise<string> {
  const aptGet = await findOnPath('apt-get', io.env);
  if (!aptGet) throw new Error('there is no apt-get');
  if (!io.isRoot) throw new Error('only root may do that');
  const { signal } = io;
  const env = { ...io.env, DEBIAN_FRONTEND: 'noninteractive' };
  await runTool(aptGet, ['update'], { env, signal });
  await runTool(aptGet, ['install', '-y', '--no-install-recommends', ...DEBIAN_PACKAGES], { env, signal });
  const path = await findCommand(io);
  if (!path) throw new Error('it left no browser on PATH');
  return path;
}
