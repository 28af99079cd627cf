import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileKey } from '../../src/shared/file-key.js';
import { FileList } from '../../src/workflows/file-list.js';

const identity = fileKey({ runtimePath: 'a' });
const failed = {
  outcome: 'failed',
  reasonClass: 'server',
  message: 'a: returned 500',
  unverified: true,
} as const;
const present = { outcome: 'collected', fileId: 'file_1', path: '/a', sizeBytes: 5 } as const;

type Outcome = Parameters<FileList['setOutcome']>[1];

function createList(paths: readonly string[], outcome: object): FileList {
  const list = new FileList();
  list.add(paths.map((runtimePath) => ({ runtimePath })));
  for (const open of list.takeNext(paths.length)) {
    list.setOutcome(open, { ...outcome, runtimePath: open.file.runtimePath } as Outcome);
  }
  return list;
}

/** As the next run of the workflow reads it. */
const handedOn = (list: FileList) => new FileList(JSON.parse(JSON.stringify(list.toState())));

test('what is in doubt stays so in the next run, also of failures that no report lists', () => {
  const paths = Array.from({ length: 150 }, (_, index) => `${index}.txt`);
  assert.equal(handedOn(createList(paths, failed)).inDoubt.failed.length, 150);
  const collected = createList(paths, { ...present, unverified: true });
  assert.equal(handedOn(collected).inDoubt.collected.length, 150);
});

test('a missing file whose request had an unclear outcome is in doubt, and is collected if it is found', () => {
  const missing = { ...failed, outcome: 'missing', reasonClass: 'not_found', ifMissing: 'warn' } as const;
  const list = createList(['a'], missing);
  assert.deepEqual(list.inDoubt, { collected: [], failed: [identity] });
  list.setVerified({ files: { [identity]: present }, moreDuplicates: 0 });
  assert.deepEqual([list.counts.collected, list.counts.missing, list.bytes], [1, 0, 5]);
});

test('a file that is there twice names the others and not itself, whichever the listing takes for the first', () => {
  const list = createList(['a'], { ...present, fileId: 'file_2', unverified: true });
  const found = { ...present, fileId: 'file_1', duplicateIds: ['file_2'] };
  list.setVerified({ files: { [identity]: found }, moreDuplicates: 0 });
  const [outcome] = list.outcomes;
  assert.deepEqual(outcome?.outcome === 'collected' && [outcome.fileId, outcome.duplicateIds], [
    'file_2',
    ['file_1'],
  ]);
  assert.equal(list.duplicates, 1);
  assert.deepEqual(list.warnings, ['a: the API made it more than once; the other files are file_1']);
});

test('a file whose size the API does not say is reported twice too', () => {
  const { sizeBytes: _, ...unsized } = present;
  const list = createList(['a'], { ...unsized, unverified: true });
  list.setVerified({ files: { [identity]: { ...unsized, duplicateIds: ['file_2'] } }, moreDuplicates: 0 });
  const [outcome] = list.outcomes;
  assert.deepEqual(outcome?.outcome === 'collected' && outcome.duplicateIds, ['file_2']);
});
