import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { startPipeline } from '../../src/client/start-pipeline.js';
import type { FaultRule } from '../../src/testing.js';
import { openPage } from '../support/browser.js';
import { useDevServer } from '../support/dev-server.js';
import { startTestGateway } from '../support/gateway.js';
import { MARKDOWN_TEXTS } from '../support/markdown-safety.js';
import { waitForPhase } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';
import { type Tab, WorkflowPage } from './workflow-page.js';

const TABS: readonly Tab[] = ['History', 'Pending Activities', 'User Metadata', 'Search Attributes', 'Memo'];

/** What Markdown and HTML would make of the texts. */
const MARKUP = [
  'a[href*="evil"]',
  'img[src*="evil"]',
  'img[src="x"]',
  'script:text("EVIL")',
  ':is(h1,h2,b,em,strong,del,input,table td):text("EVIL")',
];

const temporal = useDevServer({ uiPort: 0 });

test('the Temporal UI shows texts of the API and of the input as they are', {
  timeout: 180_000,
}, async (t) => {
  const faults = MARKDOWN_TEXTS.map(
    (text): FaultRule => ({
      operation: 'collect',
      runtimePath: text,
      fault: {
        kind: 'respond',
        status: 422,
        body: { code: text, error: text, hint: text, details: { text } },
      },
    }),
  );
  const gateway = await startTestGateway(t, { faults });
  const { address, uiUrl = '', client } = temporal;
  const taskQueue = gateway.runtimeId;
  const [page] = await Promise.all([
    openPage(t),
    startWorkerProcess(t, { address, gatewayUrl: gateway.url, taskQueue }),
  ]);
  const hold = { onFailure: 'hold' } as const;
  const toFiles = (texts: readonly string[]) => texts.map((runtimePath) => ({ runtimePath }));
  const [first = '', second = ''] = MARKDOWN_TEXTS;
  const inputs = [
    { runtimeId: gateway.runtimeId, files: toFiles(MARKDOWN_TEXTS.slice(0, 12)), ...hold },
    { runtimeId: gateway.runtimeId, files: toFiles(MARKDOWN_TEXTS.slice(12)), ...hold },
    { runtimeId: first, files: toFiles(MARKDOWN_TEXTS), ...hold },
    { runtimeId: second, files: toFiles(['a.txt']), ...hold },
  ];
  for (const [index, input] of inputs.entries()) {
    const { workflowId, workflowHandle } = await startPipeline(client, input, {
      taskQueue,
      workflowId: `hostile-${index}`,
    });
    await waitForPhase(workflowHandle, 'held');
    const workflow = new WorkflowPage(page, `${uiUrl}/namespaces/default/workflows/${workflowId}`);
    for (const tab of TABS) {
      await workflow.open(tab);
      if (tab === 'User Metadata') await workflow.markdown('Current Details').getByText('Held.').waitFor();
      await assertNoMarkup(page, `${tab} of ${JSON.stringify(input.files[0])}`);
    }
    await workflow.open('User Metadata');
    await workflow
      .markdown('Details')
      .getByText(input.files[0]?.runtimePath.trim().split(/\s*\n/)[0] ?? '')
      .first()
      .waitFor();
  }
});

async function assertNoMarkup(page: Page, where: string): Promise<void> {
  for (const frame of page.frames()) {
    for (const selector of MARKUP)
      assert.equal(await frame.locator(selector).count(), 0, `${selector} in ${where}`);
  }
}
