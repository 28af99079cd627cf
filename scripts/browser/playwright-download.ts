import { readdir, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import playwright from 'playwright-core/package.json' with { type: 'json' };
import { runTool } from '../temporal-servers/build-tool.js';
import { assertReachable } from '../temporal-servers/sdk-download.js';

const ORIGIN = 'https://cdn.playwright.dev';

/** A host that answers does so in well under a second; more only makes people without network wait. */
const PROBE_TIMEOUT_MS = 3_000;

/** 100 MB in this time is a slow connection. */
const DOWNLOAD_TIMEOUT_MS = 5 * 60_000;

/** Its names on the systems that Playwright has builds for. */
const EXECUTABLES = ['chrome-headless-shell', 'headless_shell'];

/** Each version of Playwright downloads the browser that it was tried with. */
export const PLAYWRIGHT_VERSION: string = playwright.version;

/** Puts Chromium into `folder`, with a link `chromium` to its executable; throws within seconds when there is no network. */
export async function downloadWithPlaywright(
  folder: string,
  { env, signal }: { env: NodeJS.ProcessEnv; signal: AbortSignal | undefined },
): Promise<void> {
  await assertReachable(ORIGIN, PROBE_TIMEOUT_MS);
  const deadline = AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS);
  const options = { env, signal: signal ? AbortSignal.any([signal, deadline]) : deadline };
  const packageFile = createRequire(import.meta.url).resolve('playwright-core/package.json');
  const cli = join(dirname(packageFile), 'cli.js');
  await runTool(process.execPath, [cli, 'install', 'chromium-headless-shell'], {
    ...options,
    env: { ...env, PLAYWRIGHT_BROWSERS_PATH: folder },
  });
  const names = await readdir(folder, { recursive: true });
  const executable = names.find((name) => EXECUTABLES.includes(basename(name)));
  if (!executable) throw new Error('Playwright left no browser');
  // The libraries that it needs are not part of the download.
  await runTool(join(folder, executable), ['--version'], options);
  // Relative, as the folder is moved to its place.
  await symlink(executable, join(folder, 'chromium'));
}
