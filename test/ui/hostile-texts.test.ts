import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { startPipeline } from '../../src/client/start-pipeline.js';
import { stripControlCharacters } from '../../src/shared/display-text.js';
import { searchAttributes } from '../../src/shared/search-attributes.js';
import type { FaultRule } from '../../src/testing.js';
import { openPage } from '../support/browser.js';
import { useDevServer } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { MARKDOWN_TEXTS } from '../support/markdown-safety.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';
import { WorkflowPage } from './workflow-page.js';

/** The current details show so many failures one by one. */
const SHOWN_FAILURES = 4;

/** Up to 20 files are collected by an activity each, so that each has a last failure of its own. */
const PENDING_FILES = 13;

/** What Markdown and HTML would make of the texts. Only XPath sees the text of a script. */
const MARKUP = [
  'a[href*="evil"]',
  'img[src*="evil"]',
  'img[src="x"]',
  'xpath=//b[.="x"]',
  ...['script', 'h1', 'em', 'strong', 'del', 'blockquote', 'ol', 'th'].map(
    (name) => `xpath=//${name}[contains(., "EVIL")]`,
  ),
];

const registered = Object.values(searchAttributes).map(({ name, type }) => [
  name,
  type === 'INT' ? 'Int' : 'Keyword',
]);

const temporal = useDevServer({ uiPort: 0, searchAttributes: Object.fromEntries(registered) });

/** A file's path and the API's error for it are the same text. A final failure is of the text, a retried one of the text and `again`. */
const toRetried = (text: string) => `${text} again`;

const faults = MARKDOWN_TEXTS.flatMap((text): FaultRule[] => {
  const body = { code: text, error: text, hint: text, details: { text } };
  return [
    { operation: 'collect', runtimePath: text, fault: { kind: 'respond', status: 422, body } },
    { operation: 'collect', runtimePath: toRetried(text), fault: { kind: 'respond', status: 503, body } },
  ];
});

test('the Temporal UI shows texts of the API and of the input as they are', async (t) => {
  const { page, dialogs, start } = await setUp(t);

  await t.test('a script that ran would be seen', async () => {
    await page.setContent('<img src=x onerror=alert("EVIL")>');
    await waitFor('the dialog', () => dialogs.length > 0);
    assert.deepEqual(dialogs.splice(0), ['EVIL']);
  });

  await t.test('markup would be found: it is, in details that are not escaped', async () => {
    const workflowId = 'raw';
    const staticDetails = MARKDOWN_TEXTS.join('\n\n');
    await temporal.client.workflow.start('raw', { workflowId, taskQueue: 'none', staticDetails });
    const workflow = toPage(page, workflowId);
    await workflow.open('User Metadata');
    await workflow.markdown('Details').getByText('EVIL').first().waitFor();
    assert.deepEqual(await findMarkup(page), MARKUP);
  });

  for (const [index, texts] of toGroups(MARKDOWN_TEXTS, SHOWN_FAILURES).entries()) {
    await t.test(`final failures, group ${index}`, async () => {
      const lines = texts.map(stripControlCharacters);
      const [runtimeId = ''] = lines;
      const workflow = await start(`final-${index}`, runtimeId, texts);
      await workflow.open();
      await assertLiteral(page, 'History', [
        ...lines.map((line) => workflow.bar(`collectRuntimeFile • ${line}`)),
        ...[runtimeId, ...texts].map((text) => inEditor(page, text)),
      ]);
      await workflow.turnTo('User Metadata');
      const request = `POST /v1/runtimes/${encodeURIComponent(runtimeId)}/files/collect`;
      await assertLiteral(page, 'User Metadata', [
        workflow.markdown('Summary').getByText(`${texts.length} file`),
        workflow.markdown('Summary').getByText(` of runtime ${runtimeId}`),
        workflow.markdown('Details').getByText(`Runtime ${runtimeId}`, { exact: true }),
        ...lines.map((line) => workflow.markdown('Details').getByRole('listitem').getByText(line, EXACT)),
        ...lines.map((line) =>
          workflow
            .markdown('Current Details')
            .getByRole('listitem')
            .getByText(`${line}: ${request} returned 422 ${line}: ${line}`, EXACT),
        ),
        ...lines.map((line) => page.getByText(line, EXACT)),
      ]);
      await workflow.turnTo('Search Attributes');
      await assertLiteral(page, 'Search Attributes', [inEditor(page, runtimeId)]);
      await workflow.turnTo('Memo');
      await assertLiteral(page, 'Memo', [inEditor(page, 'inputSha256')]);
    });
  }

  // An editor renders only what is in view.
  await page.setViewportSize({ width: 1280, height: 8_000 });
  for (const [index, texts] of toGroups(MARKDOWN_TEXTS, PENDING_FILES).entries()) {
    await t.test(`retried failures, group ${index}`, async () => {
      const [runtimeId = ''] = texts.map(stripControlCharacters);
      const workflow = await start(`retried-${index}`, runtimeId, texts.map(toRetried));
      await workflow.open('Pending Activities');
      await assertLiteral(
        page,
        'Pending Activities',
        texts.flatMap((text) => {
          const line = stripControlCharacters(text);
          return [
            inEditor(page, `returned 503 ${line}: ${line}`),
            inEditor(page, `${stripControlCharacters(toRetried(text))}: POST`),
          ];
        }),
      );
    });
  }

  assert.deepEqual(dialogs, [], 'no script has run');
});

const EXACT = { exact: true };

async function setUp(t: TestContext) {
  const gateway = await startTestGateway(t, { faults });
  const { address, client } = temporal;
  const taskQueue = gateway.runtimeId;
  const [page] = await Promise.all([
    openPage(t),
    startWorkerProcess(t, { address, gatewayUrl: gateway.url, taskQueue }),
  ]);
  const start = async (workflowId: string, runtimeId: string, paths: readonly string[]) => {
    const files = paths.map((runtimePath) => ({ runtimePath }));
    await startPipeline(client, { runtimeId, files, onFailure: 'hold' }, { taskQueue, workflowId });
    return toPage(page, workflowId);
  };
  return { page, dialogs: collectDialogs(page), start };
}

/** The messages of the dialogs that scripts open. */
function collectDialogs(page: Page): string[] {
  const messages: string[] = [];
  page.on('dialog', async (dialog) => {
    messages.push(dialog.message());
    await dialog.dismiss();
  });
  return messages;
}

const toPage = (page: Page, workflowId: string) =>
  new WorkflowPage(page, `${temporal.uiUrl}/namespaces/default/workflows/${workflowId}`);

/** Neighbours are in different groups: two of them read the same, and the details would show them as one failure. */
function toGroups(texts: readonly string[], maxSize: number): string[][] {
  const count = Math.ceil(texts.length / maxSize);
  return Array.from({ length: count }, (_, group) => texts.filter((_text, index) => index % count === group));
}

/** The first line of a text in the JSON of an editor, which has escapes, but not for line breaks. */
function inEditor(page: Page, text: string): Locator {
  const [line = ''] = text.trim().split(/\s*\n/);
  return page.locator('.cm-line').getByText(JSON.stringify(line).slice(1, -1));
}

/** Waits for all that has to be seen. Only then it says something that there is no markup. */
async function assertLiteral(page: Page, where: string, literals: readonly Locator[]): Promise<void> {
  await Promise.all(literals.map((literal) => literal.first().waitFor()));
  assert.deepEqual(await findMarkup(page), [], where);
}

/** The members of `MARKUP` that a frame of the page has. */
async function findMarkup(page: Page): Promise<string[]> {
  const found = await Promise.all(
    MARKUP.map(async (selector) => {
      const counts = await Promise.all(page.frames().map((frame) => frame.locator(selector).count()));
      return counts.some((count) => count > 0) ? [selector] : [];
    }),
  );
  return found.flat();
}
