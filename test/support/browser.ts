import type { TestContext } from 'node:test';
import { chromium, type Page } from 'playwright-core';
import { requiredEnv } from './temporal.js';

/** Applies to the browser itself too. A route of Playwright would see only the page's requests, and turn off the cache. */
const LOOPBACK_ONLY = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1';

/** Opens a page in a browser that reaches only this machine. It is closed after the test. */
export async function openPage(t: TestContext): Promise<Page> {
  const executablePath = requiredEnv('BCTRL_TEST_BROWSER');
  const browser = await chromium.launch({ executablePath, args: [LOOPBACK_ONLY] });
  t.after(() => browser.close());
  return browser.newPage({
    viewport: { width: 1280, height: 900 },
    deviceScaleFactor: 1,
    locale: 'en-US',
    timezoneId: 'UTC',
  });
}
