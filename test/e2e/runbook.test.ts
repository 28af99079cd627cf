import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { useDevServer } from '../support/dev-server.js';
import {
  readCommands,
  refuse,
  registered,
  runAll,
  runOk,
  setUpRunbook,
  waitUntilListed,
} from '../support/runbook.js';
import { waitFor, waitForPhase } from '../support/wait-for.js';

const temporal = useDevServer({ searchAttributes: registered });

test('A pipeline is stuck: status says why, and a rerun after a termination collects only the rest', async (t) => {
  const { gateway, shell, work, start } = await setUpRunbook(t, temporal, { faults: [refuse(503)] });
  await work();
  const { id, workflowHandle } = await start();
  await waitForPhase(workflowHandle, 'collecting', ({ counts }) => counts.collected === 1);
  const [status = '', terminate = '', rerun = '', ...others] = await readCommands('## A pipeline is stuck');
  assert.deepEqual(others, []);
  const shown = await waitFor('a pending retry', async () => {
    const text = await runOk(shell, status, { id });
    return /retry +attempt \d+ .*after upstream.* \(gives up in [\w ]+\)/.test(text) && text;
  });
  assert.match(shown, /^status +running, collecting$/m);
  assert.doesNotMatch(shown, /^stuck/m);
  await runOk(shell, terminate, { id });
  gateway.setFaults([]);
  await runOk(shell, rerun, { id });
  const paths = gateway.snapshot().files.map(({ runtimePath }) => runtimePath);
  assert.deepEqual(paths.toSorted(), ['a.txt', 'b.txt'], 'each once');
});

test('A pipeline is stuck: the commands of its table end a hold and a wait', async (t) => {
  const { gateway, shell, work, start } = await setUpRunbook(t, temporal, { faults: [refuse(403)] });
  await work();
  const held = await start({ onFailure: 'hold' });
  await waitForPhase(held.workflowHandle, 'held');
  assert.match(
    await runOk(shell, 'bctrl-temporal status "$id"', { id: held.id }),
    /^status +running, held$/m,
  );
  gateway.setFaults([]);
  await runOk(shell, 'bctrl-temporal resume "$id"', { id: held.id });
  assert.equal((await held.result()).counts.collected, 2);
  const waiting = await start({ waitFor: { signal: true } });
  await waitForPhase(waiting.workflowHandle, 'waiting');
  await runOk(shell, 'bctrl-temporal job-finished "$id"', { id: waiting.id });
  assert.equal((await waiting.result()).counts.collected, 2);
});

test('The API was down last night: what failed is rerun, what is held is resumed, and then nothing is left', async (t) => {
  const { gateway, shell, work, start } = await setUpRunbook(t, temporal, { faults: [refuse(503)] });
  // Longer than the wait for the list, with which a rerun begins.
  await work({ BCTRL_LIST_SETTLE_TIME: '500ms' });
  const outage = { giveUpAfter: '10s' } as const;
  const failed = await Promise.all([start(outage), start(outage), start(outage)]);
  const held = await start({ ...outage, onFailure: 'hold' });
  await Promise.allSettled(failed.map((pipeline) => pipeline.result()));
  await waitForPhase(held.workflowHandle, 'held');
  for (const { id } of failed)
    await waitUntilListed(temporal, `WorkflowId = '${id}' AND ExecutionStatus = 'Failed'`);
  await waitUntilListed(temporal, `WorkflowId = '${held.id}' AND BctrlPhase = 'held'`);
  gateway.setFaults([]);
  const commands = await readCommands('## The API was down last night');
  const [listFailed = '', listHeld = ''] = await runAll(shell, commands);
  for (const { id } of failed) assert.ok(listFailed.includes(id));
  assert.ok(listHeld.includes(held.id));
  assert.equal((await held.result()).counts.collected, 2);
  const made = gateway.snapshot().files.map(({ runtimeId, path }) => `${runtimeId}${path}`);
  assert.deepEqual([made.length, new Set(made).size], [8, 8]);
  for (const { id } of failed) {
    await waitUntilListed(temporal, `WorkflowId = '${id}' AND ExecutionStatus = 'Completed'`);
  }
  const rerun = commands.find((command) => command.includes('--wait'));
  assert.ok(rerun);
  await runOk(shell, rerun);
  assert.equal(gateway.snapshot().files.length, 8);
});

test('Files are missing, Remove duplicates, Retention: reports, lists and settings are printed', async (t) => {
  const { gateway, shell, work, start } = await setUpRunbook(t, temporal, { onPathExists: 'keep-both' });
  await work();
  const { id, runtime, result } = await start();
  await result();
  const [stored] = gateway.snapshot().files.filter(({ runtimePath }) => runtimePath === 'b.txt');
  const path = stored?.path ?? '';
  await runAll(shell, await readCommands('## Files are missing'), { id, runtime, path });
  assert.equal((await readFile(join(shell.folder, 'files.jsonl'), 'utf8')).match(/\n/g)?.length, 2);

  const { metadata } = (await gateway.call('GET', `/v1/files/${stored?.id}`)).body;
  const twice = { runtimePath: 'b.txt', metadata };
  const { body } = await gateway.call('POST', `/v1/runtimes/${runtime}/files/collect`, { body: twice });
  const [lines = '', ids] = await runAll(shell, await readCommands('## Remove duplicates'), { id });
  assert.equal(JSON.parse(lines).duplicateOf, stored?.id);
  assert.equal(ids, `${body.id}\n`);

  const [before, , listed = ''] = await runAll(shell, await readCommands('## Retention'), { id, runtime });
  assert.match(before ?? '', /RetentionTtl +24h/);
  assert.equal(listed.match(/\n/g)?.length, 3);
  assert.match(await runOk(shell, 'temporal operator namespace describe -n default'), /RetentionTtl +720h/);
});

test('Clean up: pipelines are abandoned, cancelled and deleted', async (t) => {
  const { shell, work, start } = await setUpRunbook(t, temporal, { faults: [refuse(403)] });
  await work();
  const held = await start({ onFailure: 'hold' });
  const waiting = await start({ waitFor: { signal: true } });
  await waitForPhase(held.workflowHandle, 'held');
  await waitUntilListed(temporal, `WorkflowId = '${held.id}' AND BctrlPhase = 'held'`);
  await waitUntilListed(temporal, `WorkflowId = '${waiting.id}' AND BctrlPhase = 'waiting'`);
  const variables = { id: held.id, runtime: waiting.runtime };
  const commands = await readCommands('## Clean up');
  const last = commands.pop();
  assert.match(last ?? '', /^temporal workflow delete /);
  await runAll(shell, commands, variables);
  await assert.rejects(held.result());
  await assert.rejects(waiting.result());
  await runOk(shell, last ?? '', variables);
  await waitFor('the pipeline to be gone', async () => {
    return await held.workflowHandle.describe().then(
      () => false,
      () => true,
    );
  });
});
