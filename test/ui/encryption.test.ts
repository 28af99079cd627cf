import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findPort } from '../../scripts/dev-server/find-port.js';
import { startDevServer } from '../../scripts/dev-server.js';
import { keepArtifact } from '../support/artifacts.js';
import { openPage } from '../support/browser.js';
import { runExecutable, startExecutable } from '../support/executable.js';
import { createTestFolder, startTestGateway } from '../support/gateway.js';
import { devServerExecutable } from '../support/temporal.js';
import { waitFor } from '../support/wait-for.js';
import { startWorkerProcess } from '../support/worker-process.js';
import { WorkflowPage } from './workflow-page.js';

const PATHS = ['dossier/alpha.csv', 'dossier/beta.csv'] as const;

/** A held pipeline whose payloads are encrypted, and a browser. */
async function setUp(t: TestContext) {
  const codecPort = await findPort('127.0.0.1', undefined);
  const server = await startDevServer({
    executable: devServerExecutable(),
    uiPort: 0,
    uiCodecEndpoint: `http://127.0.0.1:${codecPort}`,
  });
  t.after(() => server.close());
  const { address, uiUrl = '' } = server;
  const keys = join(await createTestFolder(t), 'keys');
  await writeFile(keys, `k1:${randomBytes(32).toString('base64')}`);
  const gateway = await startTestGateway(t);
  const { runtimeId } = gateway;
  const taskQueue = runtimeId;
  const env = { BCTRL_ENCRYPTION_KEYS_FILE: keys };
  const [page] = await Promise.all([
    openPage(t),
    startWorkerProcess(t, { address, gatewayUrl: gateway.url, taskQueue, env }),
  ]);
  const starterEnv = {
    ...env,
    TEMPORAL_ADDRESS: address,
    BCTRL_TASK_QUEUE: taskQueue,
    BCTRL_TEMPORAL_UI_URL: uiUrl,
  };
  const run = async (...argv: string[]) => {
    const { code, stdout, stderr } = await runExecutable(t, 'starter', argv, starterEnv);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const started = await run('start', runtimeId, ...PATHS, '--on-failure', 'hold', '--json');
  const status = () => run('status', started.workflowId, '--json');
  await waitFor('a held pipeline', async () => (await status()).report?.phase === 'held');
  const startCodecServer = async () => {
    const listen = ['--listen', `127.0.0.1:${codecPort}`];
    const codecServer = startExecutable(t, 'starter', ['codec-server', ...listen], starterEnv);
    await waitFor('the codec server', () => codecServer.stdout().includes(`codec server for ${uiUrl} on `));
    return codecServer;
  };
  return { gateway, page, status, startCodecServer, pipeline: new WorkflowPage(page, started.uiLink) };
}

test('the Temporal UI shows an encrypted pipeline', async (t) => {
  const { gateway, page, status, startCodecServer, pipeline } = await setUp(t);

  await t.test('without its paths, while there is no codec server', async () => {
    await pipeline.open();
    await pipeline.status('Running').waitFor();
    await page.getByText('binary/encrypted').or(page.getByText('collectRuntimeFile')).first().waitFor();
    const loaded = {
      'User Metadata': ['No summary available', 'No details available', 'Decoding failed'],
      Memo: ['encryption-key-id'],
    } as const;
    for (const tab of ['User Metadata', 'Memo'] as const) {
      await pipeline.turnTo(tab);
      for (const literal of loaded[tab]) await page.getByText(literal).first().waitFor();
      assert.doesNotMatch(await pipeline.text(), /dossier|alpha|beta|inputSha256":\s*"[0-9a-f]{64}/);
    }
    await keepArtifact('temporal-ui/encrypted.png', await page.screenshot({ animations: 'disabled' }));
  });

  const codecServer = await startCodecServer();

  await t.test('in plain text, with its codec server', async () => {
    await pipeline.open();
    await pipeline.bar(`collectRuntimeFile • ${PATHS[0]}`).waitFor();
    await pipeline.turnTo('User Metadata');
    for (const path of PATHS) {
      await pipeline.markdown('Details').getByRole('listitem').getByText(path, { exact: true }).waitFor();
    }
    await pipeline.markdown('Current Details').getByRole('listitem').getByText(PATHS[0]).waitFor();
    await keepArtifact('temporal-ui/decrypted.png', await page.screenshot({ animations: 'disabled' }));
  });

  await t.test('and sends it an update with an encrypted argument', async () => {
    for (const path of PATHS) await gateway.addFile(path);
    await pipeline.update('resume', { runtimePaths: [PATHS[0]] });
    const resumed = await waitFor('the file', async () => {
      const { report } = await status();
      return report.phase === 'held' && report.counts.collected === 1 && report;
    });
    assert.deepEqual(
      resumed.files
        .filter(({ outcome }: { outcome: string }) => outcome === 'collected')
        .map((file: { runtimePath: string }) => file.runtimePath),
      [PATHS[0]],
    );
  });

  assert.equal(codecServer.stderr(), '', 'it has refused nothing');
});
