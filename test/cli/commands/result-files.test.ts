import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { exitCodes } from '../../../src/exit.js';
import { fileKey, toCollectionKeyPrefix } from '../../../src/shared/keys.js';
import { COLLECTION_KEY_FIELD } from '../../../src/shared/names.js';
import type { GatewayOptions } from '../../../src/testing.js';
import { API_KEY, startTestGateway } from '../../support/gateway.js';
import { runMain } from '../../support/run-main.js';
import { waitFor } from '../../support/wait-for.js';

const WORKFLOW_ID = 'post-run/runtime/job';

/** More than two pages of the list. */
const FILES = 250;

const paths = Array.from({ length: FILES }, (_, index) => `out/${index}.txt`);

/** A gateway with a runtime, and what `result --files` prints for it after Temporal has deleted the pipeline. */
async function setUp(t: TestContext, options: GatewayOptions = {}) {
  const gateway = await startTestGateway(t, { onPathExists: 'keep-both', ...options });
  const { runtimeId } = gateway;
  const env = { BCTRL_API_KEY: API_KEY, BCTRL_BASE_URL: gateway.url };
  return {
    gateway,
    /** Collects files as a pipeline does. Returns their ids. */
    async collect(prefix: string, runtimePaths: readonly string[]): Promise<string[]> {
      for (const runtimePath of runtimePaths) await gateway.addFile(runtimePath);
      const collects = runtimePaths.map(async (runtimePath) => {
        const metadata = { [COLLECTION_KEY_FIELD]: `${prefix}/${fileKey({ runtimePath })}` };
        const { body } = await gateway.collect({ runtimePath, metadata });
        return String(body.id);
      });
      return await Promise.all(collects);
    },
    result: (workflowId: string, ...argv: string[]) =>
      runMain(['result', workflowId, '--files', '--runtime', runtimeId, ...argv], { env }),
    env,
    runtimeId,
  };
}

function parseLines(stdout: string) {
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

const byId = (a: { fileId: string }, b: { fileId: string }) => (a.fileId < b.fileId ? -1 : 1);

describe('result --files --runtime', () => {
  test('prints a line for every file of the workflow id, from all pages of the list, and for no other', async (t) => {
    const { gateway, collect, result } = await setUp(t);
    const prefix = toCollectionKeyPrefix(WORKFLOW_ID, randomUUID());
    const ids = await collect(prefix, paths);
    await collect(toCollectionKeyPrefix(`${WORKFLOW_ID}/other`, randomUUID()), ['other.txt']);
    await collect(toCollectionKeyPrefix('post-run/runtime', randomUUID()), ['another.txt']);
    await gateway.addFile('plain.txt');
    await gateway.collect({ runtimePath: 'plain.txt' });
    const again = await collect(toCollectionKeyPrefix(WORKFLOW_ID, randomUUID()), ['again.txt']);

    const { code, stdout, stderr } = await result(WORKFLOW_ID);
    assert.equal(code, exitCodes.done, stderr);
    assert.equal(stderr, '251 files, 0 duplicates among them\n');
    const lines = parseLines(stdout);
    assert.deepEqual(lines.map(({ fileId }) => fileId).toSorted(), [...ids, ...again].toSorted());
    const snapshot = new Map(gateway.snapshot().files.map((file) => [file.id, file]));
    for (const line of lines) {
      const { path, sizeBytes, createdAt, fileId } = line;
      const { path: storedPath, runtimePath = '' } = snapshot.get(fileId) ?? {};
      assert.deepEqual([path, sizeBytes], [storedPath, runtimePath?.length]);
      assert.ok(!Number.isNaN(Date.parse(createdAt)));
      assert.deepEqual(Object.keys(line), ['fileId', 'path', 'sizeBytes', 'createdAt', 'collectionKey']);
    }
    assert.doesNotMatch(stdout, /download/i);
  });

  test('finds the files of a workflow id that is too long for a collection key', async (t) => {
    const { collect, result } = await setUp(t);
    const workflowId = 'w'.repeat(2_000);
    const prefix = toCollectionKeyPrefix(workflowId, randomUUID());
    assert.ok(prefix.length < 100, prefix);
    await collect(prefix, ['a.txt']);
    assert.equal(parseLines((await result(workflowId)).stdout).length, 1);
  });

  test('names for each duplicate the oldest file of its key; --duplicates prints only the duplicates', async (t) => {
    let nowMs = Date.now();
    const { collect, result } = await setUp(t, { now: () => (nowMs += 1_000) });
    const prefix = toCollectionKeyPrefix(WORKFLOW_ID, randomUUID());
    const [a, b, c] = await collect(prefix, ['a.txt', 'b.txt', 'c.txt']);
    const later = await collect(prefix, ['a.txt', 'c.txt', 'c.txt']);
    const all = await result(WORKFLOW_ID);
    assert.equal(all.stderr, '6 files, 3 duplicates among them\n');
    const originals = parseLines(all.stdout).filter(({ duplicateOf }) => duplicateOf === undefined);
    assert.deepEqual(originals.map(({ fileId }) => fileId).toSorted(), [a, b, c].toSorted());
    const only = await result(WORKFLOW_ID, '--duplicates');
    assert.deepEqual([only.code, only.stderr], [exitCodes.done, all.stderr]);
    assert.deepEqual(
      parseLines(only.stdout)
        .map(({ fileId, duplicateOf }) => ({ fileId, duplicateOf }))
        .toSorted(byId),
      later.map((fileId, index) => ({ fileId, duplicateOf: index === 0 ? a : c })).toSorted(byId),
    );
  });

  test('reads a page again that fails twice', async (t) => {
    const { gateway, collect, result } = await setUp(t);
    await collect(toCollectionKeyPrefix(WORKFLOW_ID, randomUUID()), paths);
    gateway.setFaults([{ operation: 'list-files', skip: 1, times: 2, fault: { kind: 'reset' } }]);
    const { code, stdout } = await result(WORKFLOW_ID);
    assert.deepEqual([code, parseLines(stdout).length], [exitCodes.done, FILES]);
  });

  test('prints nothing and exits with 3 if a page cannot be read: a part would look like all of it', async (t) => {
    const { gateway, collect, result } = await setUp(t);
    await collect(toCollectionKeyPrefix(WORKFLOW_ID, randomUUID()), paths);
    gateway.setFaults([{ operation: 'list-files', skip: 2, fault: { kind: 'respond', status: 503 } }]);
    const { code, stdout, stderr } = await result(WORKFLOW_ID);
    assert.deepEqual([code, stdout], [exitCodes.unreachable, '']);
    assert.match(
      stderr,
      /^bctrl-temporal: the list of files broke off after 200 files, and none is printed \(http:.*: GET \/v1\/files returned 503 .*\)\n$/,
    );
  });

  test('prints nothing and exits with 130 after Ctrl-C', async (t) => {
    const { gateway, env, runtimeId } = await setUp(t);
    gateway.setFaults([{ operation: 'list-files', fault: { kind: 'delay', delayMs: 60_000 } }]);
    const interrupt = new AbortController();
    const argv = ['result', WORKFLOW_ID, '--files', '--runtime', runtimeId];
    const ended = runMain(argv, { env, interrupted: interrupt.signal });
    await waitFor('the request', () => gateway.snapshot().requests['list-files'] === 1);
    interrupt.abort();
    const { code, stdout, stderr } = await ended;
    assert.deepEqual([code, stdout], [exitCodes.interrupted, '']);
    assert.match(stderr, /the list of files broke off after 0 files, and none is printed \(interrupted\)/);
  });

  test('exits with 2 if the API refuses the key, and with 3 if the API is not reachable', async (t) => {
    const { env, runtimeId } = await setUp(t);
    const argv = ['result', WORKFLOW_ID, '--files', '--runtime', runtimeId];
    const refused = await runMain(argv, { env: { ...env, BCTRL_API_KEY: 'wrong' } });
    assert.deepEqual([refused.code, refused.stdout], [exitCodes.usage, '']);
    assert.match(refused.stderr, /^bctrl-temporal: BCTRL_API_KEY: the API refuses it/);
    const away = await runMain(argv, { env: { ...env, BCTRL_BASE_URL: 'http://127.0.0.1:1' } });
    assert.deepEqual([away.code, away.stdout], [exitCodes.unreachable, '']);
    const unset = await runMain(argv, { env: {} });
    assert.equal(unset.code, exitCodes.usage);
    assert.match(unset.stderr, /^bctrl-temporal: BCTRL_API_KEY: is not set/);
  });
});

describe('result', () => {
  const refused: [argv: string[], message: RegExp][] = [
    [['--files', '--json'], /--files.* cannot be used with .*--json/],
    [['--files', '--all'], /--files.* cannot be used with .*--all/],
    [['--duplicates', '--json'], /(--files|--duplicates).* cannot be used with .*--json/],
    [['--runtime', 'rt'], /^bctrl-temporal: --runtime has no effect without --files\n/],
  ];
  for (const [argv, message] of refused) {
    test(`refuses ${argv.join(' ')}`, async () => {
      const { code, stderr } = await runMain(['result', WORKFLOW_ID, ...argv]);
      assert.equal(code, exitCodes.usage);
      assert.match(stderr, message);
    });
  }
});
