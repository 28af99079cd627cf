import assert from 'node:assert/strict';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Locator, Page } from 'playwright-core';
import type { FaultRule } from '../../src/testing.js';
import { keepArtifact } from '../support/artifacts.js';
import { openPage } from '../support/browser.js';
import { useDevServer } from '../support/dev-server.js';
import { runExecutable } from '../support/executable.js';
import { API_KEY, createTestFolder, startTestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';
import { WorkflowPage } from './workflow-page.js';

const EXAMPLES = fileURLToPath(new URL('../../examples/workspace', import.meta.url));

const TASK_QUEUE = 'bctrl-runtime-files';
const RUNTIME = '3f2b8c1e-5a4d-4e6f-9b70-1c2d3e4f5a6b';

const FILES = ['results.csv', 'screenshots/checkout.png', 'logs/agent.log'];
const BYTES = { 'results.csv': 576, 'screenshots/checkout.png': 362, 'logs/agent.log': 447 };
const OTHER_FILE = 'reports/2026/summary.json';

/** More than 20 files are collected in batches. The content of a page is its path. */
const PAGES = Array.from({ length: 250 }, (_, index) => `pages/${index + 1}.html`);
/** One file of the second batch. */
const RETRIED_PAGE = 'pages/150.html';
const COLLECTED_PAGES = [...PAGES.slice(0, 100), ...PAGES.slice(200)];

const HELD = 'held: send the update resume or abandon';
const COUNTS = ['phase', 'files', 'collected', 'kept', 'missing', 'skipped', 'failed', 'bytes'];

/** Is retried every second until the fault is gone. */
const overloaded = (runtimePath: string): FaultRule => ({
  operation: 'collect',
  runtimePath,
  fault: { kind: 'respond', status: 503, headers: { 'retry-after': '1' } },
});

const unauthorized = (runtimePath: string): FaultRule => ({
  operation: 'collect',
  runtimePath,
  fault: { kind: 'respond', status: 401 },
});

const temporal = useDevServer({ uiPort: 0 });

test('the Temporal UI shows an operator', async (t) => {
  const { gateway, page, start } = await setUp(t);
  const [mixed, batched, refused] = await Promise.all([start(FILES), start(PAGES), start([OTHER_FILE])]);
  const pipeline = new WorkflowPage(page, mixed.uiLink);
  const batches = new WorkflowPage(page, batched.uiLink);
  const other = new WorkflowPage(page, refused.uiLink);
  /** Everything shown outside of histories. */
  const texts: string[] = [];

  await t.test('what is collected, and what is retried and why', async () => {
    await waitForRetry(mixed.workflowId);
    await pipeline.open();
    await see(
      pipeline.status('Running'),
      pipeline.bar('collectRuntimeFile • logs/agent.log'),
      pipeline.bar('collectRuntimeFile • screenshots/checkout.png'),
      pipeline.retriedBar('collectRuntimeFile • results.csv'),
    );
    await keep(page, 'retried');
    await keep(pipeline.timeline, 'temporal-ui-retried');

    await pipeline.turnTo('Pending Activities');
    await see(
      page.getByText('collectRuntimeFile', { exact: true }),
      pipeline.retriedAttempt,
      pipeline.lastFailure.getByText(`results.csv: POST /v1/runtimes/${RUNTIME}/files/collect returned 503 `),
      pipeline.lastFailure.getByText('"type": "upstream"'),
    );
    assert.match(
      await pipeline.lastFailure.innerText(),
      /"reasonClass": "upstream",\s+"code": "storage.unavailable",\s+"status": 503,\s+"requestId": "req_/,
    );
    await keep(page, 'pending');
    texts.push(await pipeline.text());

    await pipeline.turnTo('User Metadata');
    const details = pipeline.markdown('Details');
    await see(
      pipeline.markdown('Summary').getByText(`3 files of runtime ${RUNTIME}`, { exact: true }),
      details.getByText(`Runtime ${RUNTIME}`, { exact: true }),
      ...FILES.map((path) => details.getByRole('listitem').getByText(path, { exact: true })),
      pipeline.row(...COUNTS),
      pipeline.row('collecting', 3, 1, 0, 0, 0, 1, BYTES['logs/agent.log']),
      failureOf(pipeline, 'screenshots/checkout.png'),
    );
    await keep(page, 'collecting');
    texts.push(await pipeline.text());
  });

  await t.test('the files of each batch, and which batch is retried', async () => {
    await waitForRetry(batched.workflowId);
    await batches.open();
    await see(
      batches.bar('collectRuntimeFiles • files 1–100 of 250'),
      batches.retriedBar('collectRuntimeFiles • files 101–200 of 250'),
      batches.bar('collectRuntimeFiles • files 201–250 of 250'),
    );
    await keep(page, 'batches');

    await batches.turnTo('Pending Activities');
    await see(
      page.getByText('collectRuntimeFiles', { exact: true }),
      batches.retriedAttempt,
      batches.lastFailure.getByText(RETRIED_PAGE),
      batches.lastFailure.getByText('"type": "upstream"'),
    );
    texts.push(await batches.text());

    await batches.turnTo('User Metadata');
    await see(
      batches.markdown('Summary').getByText(`250 files of runtime ${RUNTIME}`, { exact: true }),
      batches.markdown('Details').getByText('and 230 more', { exact: true }),
      batches.row('collecting', 250, COLLECTED_PAGES.length, 0, 0, 0, 0, COLLECTED_PAGES.join('').length),
    );
    texts.push(await batches.text());
  });

  await t.test('which pipelines are held', async () => {
    gateway.setFaults([unauthorized('screenshots/checkout.png'), overloaded(RETRIED_PAGE)]);
    await waitUntilHeld(2);
    await openHeld(page);
    await see(page.getByRole('heading', { name: '2 Workflows' }));
    assert.deepEqual(await listed(page), [mixed.workflowId, refused.workflowId].sort());
    await keep(page, 'list');
    texts.push(await page.locator('body').innerText());
  });

  await t.test('why a pipeline is held, and what to do', async () => {
    await pipeline.open();
    await see(pipeline.status('Running'), pipeline.bar(HELD));
    await keep(page, 'held-timeline');

    await pipeline.turnTo('User Metadata');
    await see(
      pipeline.row('held', 3, 2, 0, 0, 0, 1, BYTES['results.csv'] + BYTES['logs/agent.log']),
      pipeline.markdown('Current Details').getByText('Held. Fix the cause, then send the update resume'),
      failureOf(pipeline, 'screenshots/checkout.png'),
      page.getByText(HELD, { exact: true }),
    );
    await waitFor('all the details in view', () => pipeline.isWhole('Details'));
    await waitFor('all the current details in view', () => pipeline.isWhole('Current Details'));
    await keep(page, 'held');
    await keep(pipeline.metadata, 'temporal-ui-held');
    texts.push(await pipeline.text());

    await pipeline.turnTo('Search Attributes');
    await see(page.getByText('"BctrlPhase": "held"'), page.getByText('"BctrlFilesFailed": 1'));
    texts.push(await pipeline.text());

    await pipeline.turnTo('Memo');
    await see(page.getByText('"inputSha256"'));
    texts.push(await pipeline.text());
  });

  await t.test('the end of a pipeline that is resumed in the UI', async () => {
    gateway.setFaults([overloaded(RETRIED_PAGE)]);
    await pipeline.update('resume');
    await see(pipeline.status('Completed'));
    await pipeline.open('User Metadata');
    const bytes = Object.values(BYTES).reduce((sum, size) => sum + size);
    await see(pipeline.status('Completed'), pipeline.row('done: succeeded', 3, 3, 0, 0, 0, 0, bytes));
    await keep(page, 'completed');
    texts.push(await pipeline.text());

    await waitUntilHeld(1);
    await openHeld(page);
    await see(page.getByRole('heading', { name: '1 Workflow', exact: true }));
    assert.deepEqual(await listed(page), [refused.workflowId]);
  });

  await t.test('the end of a pipeline that is abandoned in the UI', async () => {
    await other.open();
    await other.update('abandon');
    await see(other.status('Failed'));
    await other.open('User Metadata');
    await see(
      other.status('Failed'),
      other.row('done: abandoned', 1, 0, 0, 0, 0, 1, 0),
      failureOf(other, OTHER_FILE),
    );
    await keep(page, 'abandoned');
    texts.push(await other.text());
  });

  await t.test('no API key and no link to the content of a file', async () => {
    const { body } = await gateway.call('GET', '/v1/files?limit=1');
    assert.match(body.data[0].downloadUrl, /\?signature=/);
    assert.equal(texts.length, 10);
    for (const text of texts) {
      assert.doesNotMatch(text, /downloadUrl|signature=/);
      assert.ok(!text.includes(API_KEY), text);
    }
  });
});

/** Files, a gateway that fails some of them, a worker, the built starter, and a browser. */
async function setUp(t: TestContext) {
  const workspaceDir = await createTestFolder(t);
  await cp(EXAMPLES, workspaceDir, { recursive: true });
  await mkdir(join(workspaceDir, RUNTIME, 'pages'));
  for (const path of PAGES) await writeFile(join(workspaceDir, RUNTIME, path), path);
  const faults = [
    ...['results.csv', RETRIED_PAGE].map(overloaded),
    ...['screenshots/checkout.png', OTHER_FILE].map(unauthorized),
  ];
  const gateway = await startTestGateway(t, { workspaceDir, faults });
  const { address, uiUrl = '' } = temporal;
  const starter = async (...argv: string[]) => {
    const env = { TEMPORAL_ADDRESS: address, BCTRL_TEMPORAL_UI_URL: uiUrl };
    const { code, stdout, stderr } = await runExecutable(t, 'starter', argv, env);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const [page] = await Promise.all([
    openPage(t),
    starter('setup'),
    startWorkerProcess(t, { address, gatewayUrl: gateway.url, taskQueue: TASK_QUEUE }),
  ]);
  const start = async (paths: readonly string[]): Promise<{ workflowId: string; uiLink: string }> =>
    JSON.parse(await starter('start', RUNTIME, ...paths, '--on-failure', 'hold', '--json'));
  return { gateway, page, start };
}

/** Waits until each locator is visible; the error names one that is not. */
async function see(...locators: readonly Locator[]): Promise<void> {
  for (const locator of locators) await locator.waitFor();
}

function failureOf(pipeline: WorkflowPage, path: string): Locator {
  const failures = pipeline.markdown('Current Details').getByRole('listitem');
  return failures.getByText(
    `unauthorized ${path}: POST /v1/runtimes/${RUNTIME}/files/collect returned 401 auth.required: `,
  );
}

async function openHeld(page: Page): Promise<void> {
  const query = encodeURIComponent(`BctrlPhase='held'`);
  await page.goto(`${temporal.uiUrl}/namespaces/default/workflows?query=${query}`, {
    waitUntil: 'domcontentloaded',
  });
}

/** Returns the workflow ids in the list. */
async function listed(page: Page): Promise<string[]> {
  const links = page.getByRole('row').getByRole('link', { name: /^post-run\// });
  await links.first().waitFor();
  return (await links.allInnerTexts()).sort();
}

/** Waits until one activity is retried and the others have ended. */
async function waitForRetry(workflowId: string): Promise<void> {
  const handle = temporal.client.workflow.getHandle(workflowId);
  await waitFor('a retry', async () => {
    const [activity, ...others] = (await handle.describe()).raw.pendingActivities ?? [];
    return others.length === 0 && activity?.lastFailure != null && Number(activity.attempt) >= 2;
  });
}

/** Visibility is eventually consistent. */
async function waitUntilHeld(pipelines: number): Promise<void> {
  await waitFor(
    `${pipelines} held pipelines`,
    async () => (await temporal.client.workflow.count(`BctrlPhase = 'held'`)).count === pipelines,
  );
}

/** Keeps a screenshot. Those called `temporal-ui-*` are for the documentation: no paths, no host names. */
async function keep(part: Page | Locator, name: string): Promise<void> {
  await keepArtifact(`temporal-ui/${name}.png`, await part.screenshot({ animations: 'disabled' }));
}
