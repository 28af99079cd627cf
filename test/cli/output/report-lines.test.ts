import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Line } from '../../../src/cli/output/lines.js';
import { fileResultLines, reportLines, resultLines } from '../../../src/cli/output/report-lines.js';
import type { CollectedFile } from '../../../src/shared/collect.js';
import type { PipelineReport } from '../../../src/shared/pipeline-report.js';

const view = { output: { write: () => undefined } };
const toText = (lines: readonly Line[]) => lines.map(({ text }) => text).join('\n');
const reportText = (report: PipelineReport) => toText(reportLines(report, view));
const fileText = (file: CollectedFile) => toText(fileResultLines(file, view));

test('a report has a line for each job and file, the hint and request id of a failure, and the counts', () => {
  const report: PipelineReport = {
    runtimeId: 'rt',
    jobs: [
      { id: 'inv_1', action: 'act', status: 'failed', error: { code: 'agent.lost', message: 'It gave up.' } },
      { id: 'inv_2', status: 'unknown', problem: { reasonClass: 'not_found', message: 'no such job' } },
      { id: 'inv_3', action: 'act', status: 'succeeded' },
    ],
    counts: { files: 4, collected: 2, kept: 1, missing: 0, skipped: 0, failed: 1 },
    bytes: 1_500,
    files: [
      { outcome: 'collected', runtimePath: 'a.csv', fileId: '1', path: '/r/a.csv', sizeBytes: 1_500 },
      {
        outcome: 'collected',
        runtimePath: 'long/name.log',
        fileId: '2',
        path: '/r/n.log',
        sizeBytes: 0,
        duplicateIds: ['3'],
      },
      { outcome: 'kept', runtimePath: 'k', fileId: '4', path: '/r/k', sizeBytes: 7 },
      {
        outcome: 'failed',
        runtimePath: 'm',
        reasonClass: 'not_found',
        message: 'm: POST … returned 404',
        hint: 'Check the path.',
        requestId: 'req_1',
      },
    ],
    warnings: [],
  };
  assert.equal(
    reportText(report),
    `job        inv_1 failed
           agent.lost: It gave up.
job        inv_2 unknown
           not_found: no such job
job        inv_3 succeeded
collected  a.csv            1.5 kB  /r/a.csv
collected  long/name.log       0 B  /r/n.log, duplicates: 3
kept       k                   7 B  /r/k
failed     not_found: m: POST … returned 404
           hint: Check the path., request: req_1
2 of 4 files collected (1.5 kB), 1 kept, 1 failed`,
  );
});

test('counts that are zero are left out', () => {
  const report: PipelineReport = {
    runtimeId: 'rt',
    jobs: [],
    counts: { files: 1, collected: 1, kept: 0, missing: 0, skipped: 0, failed: 0 },
    bytes: 7,
    files: [{ outcome: 'collected', runtimePath: 'a', fileId: '1', path: '/a', sizeBytes: 7 }],
    warnings: [],
  };
  assert.equal(reportText(report), 'collected  a       7 B  /a\n1 of 1 files collected (7 B)');
});

test('a failure without hint or request id is one line', () => {
  const report: PipelineReport = {
    runtimeId: 'rt',
    jobs: [],
    counts: { files: 1, collected: 0, kept: 0, missing: 0, skipped: 0, failed: 1 },
    bytes: 0,
    files: [{ outcome: 'failed', runtimePath: 'a', reasonClass: 'upstream', message: 'a: no answer' }],
    warnings: [],
  };
  assert.equal(
    reportText(report),
    'failed     upstream: a: no answer\n0 of 1 files collected (0 B), 1 failed',
  );
});

function failedFiles(count: number, listed: number): PipelineReport {
  return {
    runtimeId: 'rt',
    jobs: [],
    counts: { files: count, collected: 0, kept: 0, missing: 0, skipped: 0, failed: count },
    bytes: 0,
    files: Array.from({ length: listed }, (_, index) => ({
      outcome: 'failed',
      runtimePath: `out/${index}.txt`,
      reasonClass: 'unauthorized',
      code: 'auth.required',
      status: 401,
      message: `out/${index}.txt: POST /v1/x returned 401 auth.required: The key has expired.`,
      requestId: `req_${index}`,
    })),
    warnings: [],
  };
}

test('files that failed for the same cause are one line; --all lists each of them', () => {
  const report = failedFiles(88, 88);
  assert.equal(
    reportText(report),
    `failed     unauthorized ×88: 401 auth.required: The key has expired, e.g. out/0.txt
           request: req_0
0 of 88 files collected (0 B), 88 failed`,
  );
  const all = toText(reportLines(report, { ...view, all: true }));
  assert.equal(all.match(/^failed {5}unauthorized: out\//gm)?.length, 88);
});

test('failed files that the report does not list are counted', () => {
  const text = toText(reportLines(failedFiles(300, 100), { ...view, onlyProblems: true }));
  assert.match(text, /^failed {5}unauthorized ×100: .*\n.*\nand {8}200 more failed files\n/);
});

const finished: PipelineReport = {
  runtimeId: 'rt',
  outcome: 'failed',
  jobs: [],
  counts: { files: 2, collected: 0, kept: 0, missing: 1, skipped: 1, failed: 0 },
  bytes: 0,
  files: [
    { outcome: 'missing', runtimePath: 'late.log', ifMissing: 'warn', message: 'late.log: not there' },
    { outcome: 'skipped', runtimePath: 'a', reason: 'the job inv_1 has the status failed' },
  ],
  warnings: ['missing: late.log: not there'],
};

test('a report lists its warnings, except those about missing files, which have their own lines', () => {
  const warnings = ['missing: late.log: not there', 'a.txt and 2 more: the file is empty (0 bytes)'];
  const lines = reportText({ ...finished, warnings }).split('\n');
  const listed = lines.filter((line) => line.startsWith('warning'));
  assert.deepEqual(listed, ['warning    a.txt and 2 more: the file is empty (0 bytes)']);
});

test('a missing file and a skipped file have lines, the latter with the reason', () => {
  assert.equal(
    reportText(finished),
    `missing    late.log
skipped    a         the job inv_1 has the status failed
0 of 2 files collected (0 B), 1 missing, 1 skipped`,
  );
});

for (const [steps, lines] of [
  [
    {
      exportArchive: { outcome: 'exported', fileId: '9', path: '/r/run.zip', sizeBytes: 1_500 },
      stopRuntime: { outcome: 'stopped' },
      next: { outcome: 'started', workflowId: 'post-run/rt/next' },
    },
    ['archive    exported 1.5 kB  /r/run.zip', 'runtime    stopped', 'next       started post-run/rt/next'],
  ],
  [
    {
      exportArchive: {
        outcome: 'failed',
        reasonClass: 'server',
        message: 'the archive: returned 500',
        requestId: 'req_2',
      },
      stopRuntime: { outcome: 'failed', message: 'the runtime: no answer' },
      next: { outcome: 'skipped', reason: 'the pipeline ends as failed' },
    },
    [
      'archive    failed: server: the archive: returned 500',
      '           request: req_2',
      'runtime    failed: the runtime: no answer',
      'next       skipped: the pipeline ends as failed',
    ],
  ],
] satisfies [Partial<PipelineReport>, string[]][]) {
  test(`the finish steps have lines: ${lines[0]}`, () => {
    assert.deepEqual(
      reportText({ ...finished, ...steps })
        .split('\n')
        .slice(2, -1),
      lines,
    );
  });
}

for (const [kept, word] of [
  [undefined, 'collected'],
  [true, 'kept'],
] as const) {
  test(`a single file that was ${word} has its name, size and path`, () => {
    const file = { name: 'a.csv', path: '/r/a.csv', sizeBytes: 1_500, kept } as CollectedFile;
    assert.equal(fileText(file), `${word}  a.csv  1.5 kB  /r/a.csv`);
  });
}

test('control characters from the API are removed', () => {
  const file = { name: 'a\u001b[2J.txt', path: '/r/a\n.txt', sizeBytes: 1 } as CollectedFile;
  assert.equal(fileText(file), 'collected  a [2J.txt  1 B  /r/a .txt');
});

test('a report that does not list all files prints how many more there are', () => {
  const text = reportText({
    runtimeId: 'rt',
    jobs: [],
    counts: { files: 2_000, collected: 1_999, kept: 0, missing: 0, skipped: 0, failed: 1 },
    bytes: 5,
    files: [{ outcome: 'collected', runtimePath: 'a', fileId: '1', path: '/a', sizeBytes: 5 }],
    warnings: [],
  });
  assert.match(text, /^and {8}1,999 more files$/m);
});

test('a result that is neither a report nor a file has no lines', () => {
  for (const result of [undefined, null, 'done', [], {}, { counts: {}, files: [] }]) {
    assert.deepEqual(resultLines(result, view), []);
  }
});
