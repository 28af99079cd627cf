import assert from 'node:assert/strict';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { type PipelineOptions, toPipelineInput } from '../../../src/cli/input/pipeline-input.js';
import { ExitError, exitCodes } from '../../../src/exit.js';
import { createTestFolder } from '../../support/gateway.js';

const silent = { write: () => undefined };

function toIo(stdin: string) {
  return {
    stdin: Readable.from([stdin]),
    stdout: silent,
    stderr: silent,
    env: {},
    interrupted: new AbortController().signal,
  };
}

/** Parses a spec from stdin. */
function parseSpec(spec: string, options: PipelineOptions = {}, runtimeId?: string, paths: string[] = []) {
  return toPipelineInput(toIo(spec), runtimeId, paths, { ...options, spec: '-' });
}

describe('a spec', () => {
  for (const [name, spec] of [
    ['YAML', 'runtimeId: rt\nfiles:\n  - runtimePath: a.txt\n'],
    ['JSON', '{\n\t"runtimeId": "rt",\n\t"files": [{ "runtimePath": "a.txt" }]\n}'],
  ] as const) {
    test(`in ${name} is a pipeline's input`, async () => {
      const { runtimeId, files } = await parseSpec(spec);
      assert.deepEqual([runtimeId, files], ['rt', [{ runtimePath: 'a.txt' }]]);
    });
  }

  test('is read from a file', async (t) => {
    const file = join(await createTestFolder(t), 'pipeline.yaml');
    await writeFile(file, 'files: [{ runtimePath: a.txt }]\n');
    const { runtimeId, files } = await toPipelineInput(toIo(''), 'rt', ['b.txt'], { spec: file });
    assert.deepEqual([runtimeId, files], ['rt', [{ runtimePath: 'a.txt' }, { runtimePath: 'b.txt' }]]);
  });

  test('is overridden by options and arguments', async () => {
    const spec = 'onFailure: fail\nwaitFor: { invocationIds: [job] }\nexportArchive: { name: a.zip }\n';
    const options = { onFailure: 'hold', waitTimeout: '8h', exportArchive: true, ifMissing: 'warn' } as const;
    assert.deepEqual(await parseSpec(spec, options, 'rt', ['a.txt']), {
      runtimeId: 'rt',
      waitFor: { invocationIds: ['job'], timeout: '8h' },
      files: [{ runtimePath: 'a.txt', ifMissing: 'warn' }],
      onFailure: 'hold',
      exportArchive: { name: 'a.zip' },
      concurrency: 4,
    });
  });

  test('has file options added to the files that do not set them', async () => {
    const spec = 'runtimeId: rt\nfiles:\n  - runtimePath: a\n  - { runtimePath: b, ifMissing: ignore }\n';
    const options = { ifMissing: 'warn', ifExists: 'keep', appearsWithin: '2m' } as const;
    const { files } = await parseSpec(spec, options, undefined, ['c']);
    const rest = { ifExists: 'keep', appearsWithin: '2m' };
    assert.deepEqual(files, [
      { runtimePath: 'a', ifMissing: 'warn', ...rest },
      { runtimePath: 'b', ifMissing: 'ignore', ...rest },
      { runtimePath: 'c', ifMissing: 'warn', ...rest },
    ]);
  });

  test('may name the same runtime as the command line', async () => {
    const { runtimeId } = await parseSpec('runtimeId: rt\n', {}, 'rt', ['a.txt']);
    assert.equal(runtimeId, 'rt');
  });
});

describe('an error in a spec names its line and field', () => {
  const file = '  - runtimePath: a\n';
  for (const [spec, message] of [
    [
      'runtimeId: rt\nfiles:\n  - runtimePath: a\n    appearsWithin: soon\n',
      /^stdin:4:5: files\[0\]\.appearsWithin: /,
    ],
    [`runtimeId: rt\nfiles:\n${file}  - name: b\n`, /^stdin:4:5: files\[1\]\.runtimePath: /],
    [`runtimeId: rt\nfiles:\n${file}onfailure: hold\n`, /^stdin:4:1: Unrecognized key: "onfailure"/],
    ['runtimeId: rt\nfiles: a\n', /^stdin:2:1: files: /],
    ['{"runtimeId": "rt",\n "batchSize": 0,\n "files": [{"runtimePath": "a"}]}', /^stdin:2:2: batchSize: /],
    [
      `runtimeId: rt\nfiles:\n${file}waitFor:\n  signal: true\n  invocationIds: [a]\n`,
      /^stdin:4:1: waitFor: /,
    ],
    ['files:\n  - runtimePath: a\n', /^stdin:1:1: runtimeId: /],
    ['runtimeId: rt\nfiles: [\n', /^stdin:3:1: /],
    ['runtimeId: a: b\n', /^stdin:1:\d+: /],
    ['runtimeId: rt\nruntimeId: rt\n', /^stdin:2:1: Map keys must be unique/],
    ['files:\n  - runtimePath: *.csv\n', /^stdin: Unresolved alias/],
    ['runtimeId: rt\nfiles: &files [*files]\n', /^stdin: nested deeper .*, or an alias refers to itself$/],
    ['runtimeId: rt\n---\nruntimeId: rt\n', /^stdin: expected one document$/],
    ['- a\n', /^stdin: expected the fields of a pipeline/],
    ['', /^stdin: expected the fields of a pipeline/],
  ] as const) {
    test(JSON.stringify(spec), async () => {
      await assert.rejects(parseSpec(spec), (error) => {
        assert.ok(error instanceof ExitError && error.code === exitCodes.usage, String(error));
        assert.match(error.message, message);
        return true;
      });
    });
  }

  for (const [name, spec] of [
    ['brackets', `runtimeId: rt\nfiles: ${'['.repeat(200_000)}`],
    ['objects', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`],
    ['dashes', `runtimeId: rt\nfiles:\n  ${'- '.repeat(100_000)}a\n`],
  ] as const) {
    test(`${name} that are nested too deep are refused`, async () => {
      await assert.rejects(parseSpec(spec), /^ExitError: stdin: nested deeper than 100 levels/);
    });
  }

  test('a spec that is too large is refused before it is read completely', async (t) => {
    const file = join(await createTestFolder(t), 'large.yaml');
    await writeFile(file, '');
    await truncate(file, 98_000_000);
    await assert.rejects(
      toPipelineInput(toIo(''), undefined, [], { spec: file }),
      /^ExitError: --spec \S+: larger than 8 MB$/,
    );
    let chunks = 0;
    const endless = function* () {
      for (; ; chunks += 1) yield Buffer.alloc(1_000_000, 'a');
    };
    const stdin = Readable.from(endless());
    await assert.rejects(
      toPipelineInput({ ...toIo(''), stdin }, undefined, [], { spec: '-' }),
      /^ExitError: stdin: larger than 8 MB$/,
    );
    assert.ok(chunks < 30, `${chunks} MB were read`);
  });

  test('a runtime that differs from the command line is refused', async () => {
    await assert.rejects(
      parseSpec('runtimeId: rt\n', {}, 'a.txt'),
      /^ExitError: stdin:1:1: runtimeId differs from the argument "a\.txt"/,
    );
  });
});

describe('an option without effect is refused', () => {
  const waits = 'runtimeId: rt\nwaitFor: { signal: true }\n';
  const ignored = 'runtimeId: rt\nfiles: [{ runtimePath: a, ifMissing: ignore }]\n';
  for (const [name, spec, options, message] of [
    ['no file', waits, { appearsWithin: '2m' }, /^ExitError: --appears-within has no effect/],
    [
      'files that set the option themselves',
      ignored,
      { ifMissing: 'warn' },
      /^ExitError: --if-missing has no effect/,
    ],
    [
      'no job',
      ignored,
      { whenJobFails: 'skip' },
      /^ExitError: --when-job-fails needs --invocation or --signal/,
    ],
  ] as const) {
    test(`with ${name}`, async () => {
      await assert.rejects(parseSpec(spec, options), message);
    });
  }
});
