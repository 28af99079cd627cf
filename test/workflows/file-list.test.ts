import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileKey } from '../../src/shared/keys.js';
import { FileList } from '../../src/workflows/file-list.js';

const key = fileKey({ runtimePath: 'a' });
const failed = {
  outcome: 'failed',
  reasonClass: 'server',
  message: 'a: returned 500',
  unverified: true,
} as const;
const stored = { outcome: 'collected', fileId: 'file_1', path: '/a', sizeBytes: 5 } as const;

type Outcome = Parameters<FileList['setOutcome']>[1];

function createList(paths: readonly string[], outcome: object): FileList {
  const list = new FileList();
  list.add(paths.map((runtimePath) => ({ runtimePath })));
  for (const pending of list.takeNext(paths.length)) {
    list.setOutcome(pending, { ...outcome, runtimePath: pending.file.runtimePath } as Outcome);
  }
  return list;
}

/** The list as the next run of the workflow restores it. */
const continueAsNew = (list: FileList) => new FileList(JSON.parse(JSON.stringify(list.toState())));

test('an unverified file stays unverified in the next run, also if no report lists it', () => {
  const paths = Array.from({ length: 150 }, (_, index) => `${index}.txt`);
  assert.equal(continueAsNew(createList(paths, failed)).unverified.failed.length, 150);
  const collected = createList(paths, { ...stored, unverified: true });
  assert.equal(continueAsNew(collected).unverified.collected.length, 150);
});

test('an unverified missing file is collected if the lookup finds it', () => {
  const missing = { ...failed, outcome: 'missing', reasonClass: 'not_found', ifMissing: 'warn' } as const;
  const list = createList(['a'], missing);
  assert.deepEqual(list.unverified, { collected: [], failed: [key] });
  list.setVerified({ files: { [key]: stored }, moreDuplicates: 0 });
  assert.deepEqual([list.counts.collected, list.counts.missing, list.bytes], [1, 0, 5]);
});

test('a file with duplicates names the others and not itself, whichever the listing has first', () => {
  const list = createList(['a'], { ...stored, fileId: 'file_2', unverified: true });
  const found = { ...stored, fileId: 'file_1', duplicateIds: ['file_2'] };
  list.setVerified({ files: { [key]: found }, moreDuplicates: 0 });
  const [outcome] = list.outcomes;
  assert.deepEqual(outcome?.outcome === 'collected' && [outcome.fileId, outcome.duplicateIds], [
    'file_2',
    ['file_1'],
  ]);
  assert.equal(list.duplicates, 1);
  assert.deepEqual(list.warnings.all, ['a: the API made it more than once; the other files are file_1']);
});

test('a file without a size is reported with its duplicates too', () => {
  const { sizeBytes: _, ...unsized } = stored;
  const list = createList(['a'], { ...unsized, unverified: true });
  list.setVerified({ files: { [key]: { ...unsized, duplicateIds: ['file_2'] } }, moreDuplicates: 0 });
  const [outcome] = list.outcomes;
  assert.deepEqual(outcome?.outcome === 'collected' && outcome.duplicateIds, ['file_2']);
});
