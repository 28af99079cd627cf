import { readdir, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import playwright from 'playwright-core/package.json' with { type: 'json' };
import { type ExecutableSpec, type ResolveIo, resolveExecutable } from './executables/resolve-executable.js';
import { runDownload, runTool } from './executables/run-tool.js';

const DOWNLOAD_ORIGIN = 'https://cdn.playwright.dev';

/** The executable's names on the systems that Playwright has builds for. */
const DOWNLOADED_NAMES = ['chrome-headless-shell', 'headless_shell'];

const BROWSER: ExecutableSpec = {
  name: 'browser',
  variable: 'BCTRL_TEST_BROWSER',
  command: 'chromium',
  onPath: ['chromium', 'google-chrome'],
  sources: [
    {
      doing: 'Downloading',
      tool: 'Playwright',
      folder: `chromium-playwright-${playwright.version}`,
      make: download,
    },
  ],
};

/** Returns the absolute path of a Chromium or Chrome; downloads one when there is none. */
export function resolveBrowser(io?: Partial<ResolveIo>): Promise<string> {
  return resolveExecutable(BROWSER, io);
}

async function download(folder: string, { env, signal }: ResolveIo): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve('playwright-core/package.json');
  const args = [join(dirname(manifest), 'cli.js'), 'install', 'chromium-headless-shell'];
  await runDownload(DOWNLOAD_ORIGIN, process.execPath, args, {
    env: { ...env, PLAYWRIGHT_BROWSERS_PATH: folder },
    signal,
  });
  const names = await readdir(folder, { recursive: true });
  const executable = names.find((name) => DOWNLOADED_NAMES.includes(basename(name)));
  if (!executable) throw new Error('Playwright left no browser');
  // The download does not contain the system libraries that the browser needs.
  await runTool(join(folder, executable), ['--version'], { env, signal });
  // The link is relative, as the folder is moved to its place.
  await symlink(executable, join(folder, 'chromium'));
}
