import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { useDevServer } from '../support/dev-server.js';
import { API_KEY, createTestFolder } from '../support/gateway.js';
import { readCommands, refuse, registered, runAll, runOk, setUpRunbook } from '../support/runbook.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';

const temporal = useDevServer({ searchAttributes: registered });

test('Rotate a key: 40 running pipelines go on, and no request is refused', async (t) => {
  const file = join(await createTestFolder(t), 'bctrl-api-key');
  await writeFile(file, API_KEY);
  const keyFile = { BCTRL_API_KEY: '', BCTRL_API_KEY_FILE: file };
  const { gateway, shell, work, start } = await setUpRunbook(t, temporal, {}, keyFile);
  const worker = await work();
  const pipelines = await Promise.all(Array.from({ length: 40 }, () => start({ waitFor: { signal: true } })));
  const NEW_KEY = 'the-new-key';
  gateway.setApiKeys([API_KEY, NEW_KEY]);
  const commands = await readCommands('## Rotate a key');
  const check = commands.pop();
  assert.ok(check);
  await runAll(shell, commands, { NEW_KEY });
  await waitFor('the new key', () => worker.stderr().includes('API key replaced'));
  const checked = await runOk(shell, check);
  assert.match(checked, /^ok +api /m);
  gateway.setApiKeys([NEW_KEY]);
  await Promise.all(pipelines.map((pipeline) => pipeline.jobFinished()));
  const reports = await Promise.all(pipelines.map((pipeline) => pipeline.result()));
  assert.deepEqual(
    reports.map(({ counts }) => counts.collected),
    pipelines.map(() => 2),
  );
  const refused = Object.values(gateway.snapshot().responses).map((statuses) => statuses[401] ?? 0);
  assert.ok(refused.every((count) => count === 0));
});

test('With Worker Versioning: a held pipeline survives a deploy, and is moved when its workers go', async (t) => {
  const { gateway, shell, work, start } = await setUpRunbook(t, temporal, { faults: [refuse(403)] });
  const variables = { deployment: gateway.runtimeId, old: '1.3.0', new: '1.4.0' };
  const version = (buildId: string) => ({
    TEMPORAL_DEPLOYMENT_NAME: variables.deployment,
    TEMPORAL_WORKER_BUILD_ID: buildId,
  });
  const [setCurrent = '', describe = '', listOld = '', listHeld = '', move = '', ...others] =
    await readCommands('### With Worker Versioning');
  assert.deepEqual(others, []);
  const makeCurrent = (buildId: string) =>
    // The server refuses a version until it has seen it poll.
    waitFor(`the current version ${buildId}`, async () => {
      return (await shell.run(setCurrent, { ...variables, new: buildId })).code === 0;
    });
  const oldWorker = await work(version(variables.old));
  await makeCurrent(variables.old);
  const held = await start({ onFailure: 'hold' });
  await waitForPhase(held.workflowHandle, 'held');

  await work(version(variables.new));
  await makeCurrent(variables.new);
  assert.match(await runOk(shell, describe, variables), /1\.4\.0/);
  await waitFor('the held pipeline of the old version', async () =>
    (await runOk(shell, listOld, variables)).includes(held.id),
  );
  assert.ok((await runOk(shell, listHeld)).includes(held.id));
  await runOk(shell, move, variables);
  await waitFor('nothing on the old version', async () => {
    return !(await runOk(shell, listOld, variables)).includes(held.id);
  });
  oldWorker.child.kill('SIGTERM');
  assert.equal((await oldWorker.ended).code, 0);
  gateway.setFaults([]);
  await runOk(shell, 'bctrl-temporal resume "$id"', { id: held.id });
  assert.equal((await held.result()).counts.collected, 2);
});
