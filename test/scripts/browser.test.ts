import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { PLAYWRIGHT_VERSION } from '../../scripts/browser/playwright-download.js';
import { type BrowserIo, resolveBrowser } from '../../scripts/browser.js';

/** Leaves what the real one would, once it is told to install. */
const FAKE_APT =
  'echo "$@" >> "$CALLS"; if [ "$1" = install ]; then echo installed > "$BIN/chromium"; chmod +x "$BIN/chromium"; fi';

let dir: string;
let bin: string;
let calls: string;
let said: string[];
let io: Partial<BrowserIo> & { env: NodeJS.ProcessEnv };

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'browser-'));
  bin = join(dir, 'bin');
  calls = join(dir, 'calls');
  said = [];
  io = {
    env: { BCTRL_TEMPORAL_CACHE_DIR: join(dir, 'cache'), PATH: bin, BIN: bin, CALLS: calls },
    log: (line) => said.push(line),
    download: async () => {
      throw new Error('cdn.playwright.dev cannot be reached');
    },
    isRoot: true,
  };
  await mkdir(bin);
  // The fake apt-get is a shell script, and PATH holds nothing but what it needs.
  await symlink('/bin/chmod', join(bin, 'chmod'));
});

afterEach(() => rm(dir, { recursive: true, force: true }));

async function writeExecutable(path: string, script = 'exit 0'): Promise<string> {
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

describe('BCTRL_TEST_BROWSER', () => {
  it('wins over everything else', async () => {
    const explicit = await writeExecutable(join(dir, 'mine'));
    await writeExecutable(join(bin, 'chromium'));
    io.env['BCTRL_TEST_BROWSER'] = explicit;
    assert.equal(await resolveBrowser(io), explicit);
    assert.deepEqual(said, []);
  });

  it('is named when there is no such file', async () => {
    io.env['BCTRL_TEST_BROWSER'] = join(dir, 'missing');
    await assert.rejects(resolveBrowser(io), {
      message: `BCTRL_TEST_BROWSER names no executable file: ${dir}/missing`,
    });
  });

  it('is named, in one line, when there is no way to get a browser', async () => {
    await assert.rejects(resolveBrowser(io), {
      message:
        'There is no browser. Downloading it with Playwright failed: cdn.playwright.dev cannot be reached. ' +
        'Installing it with apt-get failed: there is no apt-get. ' +
        'Install Chromium or Chrome, or set BCTRL_TEST_BROWSER to its path.',
    });
  });
});

describe('resolveBrowser', () => {
  for (const command of ['chromium', 'google-chrome']) {
    it(`takes \`${command}\` from PATH, without a word`, async () => {
      const onPath = await writeExecutable(join(bin, command));
      assert.equal(await resolveBrowser(io), onPath);
      assert.deepEqual(said, []);
    });
  }

  it('keeps what Playwright downloads', async () => {
    io.download = async (folder) => {
      await writeExecutable(join(folder, 'shell'));
      await symlink('shell', join(folder, 'chromium'));
    };
    const path = await resolveBrowser(io);
    assert.equal(path, join(dir, 'cache', `chromium-playwright-${PLAYWRIGHT_VERSION}`, 'chromium'));
    delete io.download;
    said = [];
    assert.equal(await resolveBrowser(io), path);
    assert.deepEqual(said, []);
  });

  it('installs it with apt-get when the download fails, and says so', async () => {
    await writeExecutable(join(bin, 'apt-get'), FAKE_APT);
    assert.equal(await resolveBrowser(io), join(bin, 'chromium'));
    assert.equal(
      await readFile(calls, 'utf8'),
      'update\ninstall -y --no-install-recommends chromium fonts-dejavu-core\n',
    );
    assert.deepEqual(said, [
      'Downloading the browser with Playwright, once …',
      'Downloading the browser with Playwright failed: cdn.playwright.dev cannot be reached.',
      'Installing the browser with apt-get, once …',
      `The browser is ready: ${bin}/chromium`,
    ]);
  });

  it('asks nobody but root to install', async () => {
    await writeExecutable(join(bin, 'apt-get'), FAKE_APT);
    await assert.rejects(resolveBrowser({ ...io, isRoot: false }), /apt-get failed: only root may do that\./);
    await assert.rejects(readFile(calls), { code: 'ENOENT' });
  });

  it('passes on the last line of an installation that failed', async () => {
    await writeExecutable(join(bin, 'apt-get'), 'echo E: no such package >&2; exit 100');
    await assert.rejects(
      resolveBrowser(io),
      /apt-get failed: apt-get ended with exit code 100: E: no such package\./,
    );
  });

  it('does not go on when it was interrupted', async () => {
    await writeExecutable(join(bin, 'apt-get'), FAKE_APT);
    const interrupt = new AbortController();
    const download = async () => {
      interrupt.abort();
      throw new Error('interrupted');
    };
    await assert.rejects(resolveBrowser({ ...io, download, signal: interrupt.signal }), {
      name: 'AbortError',
    });
    await assert.rejects(readFile(calls), { code: 'ENOENT' });
  });
});
