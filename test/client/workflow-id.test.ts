import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectWorkflowId, pipelineWorkflowId } from '../../src/client/workflow-id.js';
import {
  type CollectFileInput,
  type PipelineFile,
  type PipelineInput,
  pipelineInputSchema,
} from '../../src/shared/pipeline-input.js';

const files = [{ runtimePath: 'a.txt' }];
const after = (...invocationIds: string[]) =>
  pipelineWorkflowId({ runtimeId: 'rt', files, waitFor: { invocationIds } });

test('the id is the runtime and the invocation, whatever the files', () => {
  assert.equal(after('inv_1'), 'post-run/rt/inv_1');
  const others = { runtimeId: 'rt', files: [{ runtimePath: 'b' }], waitFor: { invocationIds: ['inv_1'] } };
  assert.equal(pipelineWorkflowId(others), 'post-run/rt/inv_1');
});

test('the id of several invocations does not depend on their order or repetitions', () => {
  assert.equal(after('a', 'b'), after('b', 'a', 'b'));
  assert.equal(after('a', 'a'), 'post-run/rt/a');
  assert.notEqual(after('a', 'b'), after('a', 'c'));
  assert.match(after('a', 'b'), /^post-run\/rt\/[0-9a-f]{16}$/);
});

test('without invocations the id is made from the runtime and the files', () => {
  const id = (runtimeId: string, runtimePath: string) =>
    pipelineWorkflowId({ runtimeId, files: [{ runtimePath }] });
  assert.equal(id('rt', 'a'), id('rt', 'a'));
  assert.notEqual(id('rt', 'a'), id('rt', 'b'));
  assert.notEqual(id('rt', 'a'), id('rt2', 'a'));
  assert.match(id('rt', 'a'), /^post-run\/rt\/[0-9a-f]{16}$/);
});

test('without invocations the order of files, fields and metadata does not matter', () => {
  const id = (...files: PipelineFile[]) => pipelineWorkflowId({ runtimeId: 'rt', files });
  const [a, b] = [{ runtimePath: 'a' }, { runtimePath: 'b' }];
  assert.equal(id(a, b), id(b, a));
  assert.equal(id({ runtimePath: 'a', name: 'n' }), id({ name: 'n', runtimePath: 'a' }));
  const tagged = (metadata: Record<string, unknown>) => id({ runtimePath: 'a', metadata });
  assert.equal(tagged({ x: 1, y: { p: 1, q: [1, 2] } }), tagged({ y: { q: [1, 2], p: 1 }, x: 1 }));
  assert.notEqual(tagged({ q: [1, 2] }), tagged({ q: [2, 1] }));
});

test('without invocations destinations and repeated files matter, giveUpAfter does not', () => {
  const id = pipelineWorkflowId({ runtimeId: 'rt', files });
  const elsewhere = [{ runtimePath: 'a.txt', destinationPath: '/b.txt' }];
  assert.notEqual(pipelineWorkflowId({ runtimeId: 'rt', files: elsewhere }), id);
  assert.notEqual(pipelineWorkflowId({ runtimeId: 'rt', files: [...files, ...files] }), id);
  assert.equal(
    pipelineWorkflowId(pipelineInputSchema.parse({ runtimeId: 'rt', files, giveUpAfter: '1h' })),
    id,
  );
});

test('the id of each account is its own', () => {
  const inputs: PipelineInput[] = [
    { runtimeId: 'rt', files },
    { runtimeId: 'rt', waitFor: { invocationIds: ['inv_1'] } },
    { runtimeId: 'rt', waitFor: { invocationIds: ['inv_1', 'inv_2'] } },
  ];
  for (const input of inputs) {
    const [prefix, ...rest] = pipelineWorkflowId(input).split('/');
    assert.equal(prefix, 'post-run');
    const id = (account?: string) => pipelineWorkflowId({ ...input, account });
    assert.equal(id(undefined), ['post-run', ...rest].join('/'));
    assert.equal(id('acme'), ['post-run@acme', ...rest].join('/'));
    assert.equal(id('other'), ['post-run@other', ...rest].join('/'));
  }
});

test('an account’s id is that of no other account and runtime', () => {
  const id = (runtimeId: string, account?: string) =>
    pipelineWorkflowId({ runtimeId, files, ...(account !== undefined && { account }) });
  const ids = [id('b/c', 'a'), id('c', 'a/b'), id('c', 'a%2Fb'), id('a/b/c'), id('@a/b/c')];
  assert.equal(new Set(ids).size, ids.length);
});

test('the id of a collect is made from account, runtime, path and destination', () => {
  const id = (fields: Partial<CollectFileInput>) =>
    collectWorkflowId({ runtimeId: 'rt', runtimePath: 'a', ...fields });
  assert.equal(id({}), id({}));
  assert.match(id({}), /^collect\/rt\/[0-9a-f]{16}$/);
  assert.notEqual(id({}), id({ destinationPath: 'b' }));
  assert.notEqual(id({}), id({ runtimePath: 'b' }));
  assert.notEqual(id({}), id({ runtimeId: 'rt2' }));
  assert.equal(id({ account: 'acme' }), id({}).replace('collect', 'collect@acme'));
});

test('the id of a collect stays as it was', () => {
  assert.equal(collectWorkflowId({ runtimeId: 'rt', runtimePath: 'a' }), 'collect/rt/aebb0474c57695b8');
  const destinationPath = '/b';
  assert.equal(
    collectWorkflowId({ runtimeId: 'rt', runtimePath: 'a', destinationPath }),
    'collect/rt/8b9cc6a6322c66f4',
  );
});
