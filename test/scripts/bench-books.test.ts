import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertEachOnce } from '../../scripts/bench/gateway/assert-each-once.js';
import { FileStore } from '../../scripts/bench/gateway/file-store.js';

const RUNTIME = '3f2b8c1e-5a4d-4e6f-9b70-1c2d3e4f5a6b';

describe('assertEachOnce', () => {
  const [a, b] = [
    { runtimePath: 'a', key: '1' },
    { runtimePath: 'b', key: '2' },
  ];

  it('is content with each file once, in any order', () => {
    assertEachOnce(['a', 'b'], [b, a]);
  });

  it('says which is missing, twice there, or not asked for', () => {
    assert.throws(() => assertEachOnce(['a', 'b'], [a]), /1 files were not collected, the first is b/);
    assert.throws(() => assertEachOnce(['a'], [a, { ...a, key: '3' }]), /a was collected twice/);
    assert.throws(() => assertEachOnce(['a'], [a, b]), /b was collected without being asked for/);
  });

  it('wants a collection key for each file', () => {
    assert.throws(() => assertEachOnce(['a', 'b'], [a, { ...b, key: '1' }]), /b has no collection key/);
    assert.throws(() => assertEachOnce(['a'], [{ ...a, key: undefined }]), /a has no collection key/);
  });
});

describe('FileStore', () => {
  const body = (number: number) => ({
    runtimePath: `${number}.txt`,
    metadata: { temporalCollectionKey: `key-${number}` },
  });
  const query = { runtimeId: RUNTIME, path: null, createdAfterMs: 0, offset: 0, limit: 2 };

  it('lists the newest first, page by page', () => {
    const store = new FileStore();
    for (const number of [1, 2, 3]) store.collect(RUNTIME, body(number));
    const first = store.list(query);
    assert.deepEqual([first.data.map(({ name }) => name), first.nextCursor], [['3.txt', '2.txt'], '2']);
    const second = store.list({ ...query, offset: 2 });
    assert.deepEqual([second.data.map(({ name }) => name), second.nextCursor], [['1.txt'], null]);
    assert.deepEqual(store.list({ ...query, createdAfterMs: Date.now() + 1 }).data, []);
  });

  it('refuses a path that is taken', () => {
    const store = new FileStore();
    assert.ok(store.collect(RUNTIME, body(1)));
    assert.equal(store.collect(RUNTIME, body(1)), undefined);
  });

  it('keeps books until they are taken', () => {
    const store = new FileStore();
    store.collect(RUNTIME, body(1));
    assert.deepEqual(store.takeBooks(RUNTIME), [{ runtimePath: '1.txt', key: 'key-1' }]);
    assert.deepEqual(store.takeBooks(RUNTIME), []);
    assert.ok(store.collect(RUNTIME, body(1)), 'the path is free again');
  });
});
