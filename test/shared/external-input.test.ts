import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { collectRuntimeFileInputSchema, collectRuntimeFilesInputSchema } from '../../src/shared/collect.js';
import { durationSchema } from '../../src/shared/duration.js';
import { externalInput } from '../../src/shared/external-input.js';
import { waitForInvocationInputSchema } from '../../src/shared/invocation.js';
import { formatZodError } from '../../src/shared/parse-input.js';
import { collectFileInputSchema, pipelineInputSchema } from '../../src/shared/pipeline-input.js';
import {
  addFilesInputSchema,
  jobFinishedInputSchema,
  resumeInputSchema,
} from '../../src/shared/pipeline-messages.js';

const RUNTIME = 'rt_1';
const files = [{ runtimePath: 'a.txt' }];
const waitFor = { signal: true };

/** Every schema of external input, with a valid input. */
const inputs: Record<string, [schema: z.ZodType, valid: Record<string, unknown>]> = {
  postRunPipeline: [pipelineInputSchema, { runtimeId: RUNTIME, files }],
  collectFile: [collectFileInputSchema, { runtimeId: RUNTIME, runtimePath: 'a.txt' }],
  collectRuntimeFile: [collectRuntimeFileInputSchema, { runtimeId: RUNTIME, runtimePath: 'a.txt' }],
  collectRuntimeFiles: [collectRuntimeFilesInputSchema, { runtimeId: RUNTIME, files }],
  waitForInvocation: [waitForInvocationInputSchema, { runtimeId: RUNTIME, invocationId: 'inv_1' }],
  addFiles: [addFilesInputSchema, { files }],
  resume: [resumeInputSchema, {}],
  jobFinished: [jobFinishedInputSchema, {}],
};

/** A pipeline with a next workflow. */
const toNext = (next: object) => ({ runtimeId: RUNTIME, files, next });

/** The message for a refused input, `undefined` for an accepted one. */
function getRefusal(schema: z.ZodType, input: unknown): string | undefined {
  const { error } = schema.safeParse(input);
  return error && formatZodError(error);
}

/** The value as it arrives in a payload. */
const fromJson = (text: string): unknown => JSON.parse(text);

/** `levels` nested objects. */
function nested(levels: number): unknown {
  return fromJson(`${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`);
}

for (const [name, [schema, valid]] of Object.entries(inputs)) {
  describe(`the input of ${name}`, () => {
    test('is accepted if it is valid', () => {
      assert.equal(getRefusal(schema, valid), undefined);
    });

    test('is refused with a lone surrogate in a value, at any depth', () => {
      for (const [value, place] of [
        ['\ud800', 'note'],
        [{ a: ['', 'x\udc00'] }, 'note.a[1]'],
      ] as const) {
        assert.equal(getRefusal(schema, { ...valid, note: value }), `${place}: is not well-formed Unicode`);
      }
    });

    test('is refused with a lone surrogate in a field name, in a well-formed message', () => {
      const refusal = getRefusal(schema, { ...valid, note: { 'x\ud800': 1 } });
      assert.equal(refusal, 'note.x\ufffd: must not be the name of a field');
      assert.equal(getRefusal(schema, { ...valid, '\udfff': 1 }), '\ufffd: must not be the name of a field');
    });

    test('is refused with a field __proto__', () => {
      const input = fromJson(
        JSON.stringify(valid).replace(/}$/, `${Object.keys(valid).length > 0 ? ',' : ''}"__proto__":{}}`),
      );
      assert.equal(getRefusal(schema, input), '__proto__: must not be the name of a field');
    });

    test('is refused if it is 30,000 levels deep', () => {
      const refusal = getRefusal(schema, { ...valid, note: nested(30_000) });
      assert.equal(refusal, 'note.a.a.a.a…: is more than 200 levels deep');
    });

    test('is refused in one short line if it has 150,000 unknown fields', () => {
      const many = Object.fromEntries(Array.from({ length: 150_000 }, (_, index) => [`field${index}`, 1]));
      const startedMs = performance.now();
      assert.equal(getRefusal(schema, { ...valid, ...many }), 'Unrecognized key: "field0"');
      // A workflow task may take five seconds at most.
      assert.ok(performance.now() - startedMs < 5_000);
      const long = getRefusal(schema, { ...valid, ['x'.repeat(1_000_000)]: 1 }) ?? '';
      assert.match(long, /^Unrecognized key: "…x+"$/);
      assert.ok(long.length < 200);
    });

    test('is refused if it is no object', () => {
      for (const input of [undefined, null, 'rt_1', 1, true, [], new Uint8Array(3)]) {
        assert.match(getRefusal(schema, input) ?? '', /expected (object|JSON)/);
      }
      assert.equal(getRefusal(schema, '\ud800'), 'is not well-formed Unicode');
    });

    test('is refused with a number that JSON cannot hold', () => {
      const input = { ...valid, note: fromJson('[1e400]') };
      assert.equal(getRefusal(schema, input), 'note[0]: is not a finite number');
    });
  });
}

test('well-formed text of all planes of Unicode passes unchanged', () => {
  const schema = externalInput(z.unknown());
  const value = fromJson('{"ü😀": ["\\ud83d\\ude00", null, true, 1e300, {"constructor": "\\u0000"}]}');
  assert.equal(schema.parse(value), value);
});

test('an input may be 200 levels deep, and no deeper', () => {
  const schema = externalInput(z.unknown());
  assert.equal(getRefusal(schema, nested(200)), undefined);
  assert.match(getRefusal(schema, nested(201)) ?? '', /is more than 200 levels deep$/);
});

describe('each text has a limit in bytes', () => {
  const pipeline = (fields: object) => ({ runtimeId: RUNTIME, files, ...fields });
  const file = (fields: object) => pipeline({ files: [{ runtimePath: 'a.txt', ...fields }] });
  const bounds: [field: string, maxBytes: number, toInput: (text: string) => unknown, schema?: z.ZodType][] =
    [
      ['runtimeId', 500, (runtimeId) => pipeline({ runtimeId })],
      ['waitFor.invocationIds[0]', 500, (id) => pipeline({ waitFor: { invocationIds: [id] } })],
      ['files[0].runtimePath', 4_096, (runtimePath) => file({ runtimePath })],
      ['files[0].destinationPath', 4_096, (destinationPath) => file({ destinationPath })],
      ['files[0].name', 1_024, (name) => file({ name })],
      ['files[0].type', 255, (type) => file({ type })],
      ['rerunOf', 2_000, (rerunOf) => pipeline({ rerunOf })],
      ['filesFromOutput', 1_000, (text) => pipeline({ waitFor, filesFromOutput: `/${text.slice(1)}` })],
      ['exportArchive.name', 255, (text) => pipeline({ exportArchive: { name: `${text.slice(4)}.zip` } })],
      ['exportArchive.type[0]', 255, (type) => pipeline({ exportArchive: { type: [type] } })],
      ['next.workflowType', 1_000, (workflowType) => toNext({ workflowType })],
      ['next.taskQueue', 1_000, (taskQueue) => toNext({ workflowType: 'next', taskQueue })],
      ['runtimeId', 500, (runtimeId) => ({ runtimeId, runtimePath: 'a' }), collectFileInputSchema],
      [
        'collectionKey',
        2_100,
        (key) => ({ ...inputs['collectRuntimeFile']?.[1], collectionKey: key }),
        collectRuntimeFileInputSchema,
      ],
      [
        'invocationId',
        500,
        (invocationId) => ({ runtimeId: RUNTIME, invocationId }),
        waitForInvocationInputSchema,
      ],
      ['invocationId', 500, (invocationId) => ({ invocationId }), jobFinishedInputSchema],
      ['runtimePaths[0]', 4_096, (path) => ({ runtimePaths: [path] }), resumeInputSchema],
    ];
  for (const [field, maxBytes, toInput, schema = pipelineInputSchema] of bounds) {
    test(`${field}: ${maxBytes}`, () => {
      const ascii = (bytes: number) => toInput('x'.repeat(bytes));
      const tooLong = `${field}: must be at most ${maxBytes} bytes`;
      assert.equal(getRefusal(schema, ascii(maxBytes)), undefined);
      assert.equal(getRefusal(schema, ascii(maxBytes + 1)), tooLong);
      assert.equal(getRefusal(schema, ascii(1_000_000)), tooLong);
      // Characters of two, three and four bytes, after enough of one byte to meet the limit exactly.
      for (const wide of ['é', 'あ', '😀']) {
        const size = Buffer.byteLength(wide);
        const head = 'x'.repeat(8 + ((maxBytes - 8) % size));
        const text = head + wide.repeat((maxBytes - head.length) / size);
        assert.equal(Buffer.byteLength(text), maxBytes);
        assert.equal(getRefusal(schema, toInput(text)), undefined, wide);
        assert.equal(getRefusal(schema, toInput(text + wide)), tooLong, wide);
      }
    });
  }

  test('an id, a path and a name must not be empty', () => {
    assert.equal(
      getRefusal(pipelineInputSchema, pipeline({ runtimeId: '' })),
      'runtimeId: must not be empty',
    );
    assert.equal(
      getRefusal(pipelineInputSchema, file({ runtimePath: '' })),
      'files[0].runtimePath: must not be empty',
    );
    assert.equal(
      getRefusal(pipelineInputSchema, toNext({ workflowType: '' })),
      'next.workflowType: must not be empty',
    );
  });

  test('rerunOf is limited by the bytes of its JSON', () => {
    const rerunOf = (text: string) => getRefusal(pipelineInputSchema, pipeline({ rerunOf: text }));
    assert.equal(rerunOf('"'.repeat(1_000)), undefined);
    assert.equal(rerunOf('"'.repeat(1_001)), 'rerunOf: must be at most 2000 bytes of JSON');
    assert.equal(rerunOf('\u0001'.repeat(334)), 'rerunOf: must be at most 2000 bytes of JSON');
  });

  test('an id may have any characters except control characters', () => {
    for (const id of ['a\n', '\u0000', '\u009f']) {
      assert.equal(
        getRefusal(pipelineInputSchema, pipeline({ runtimeId: id })),
        'runtimeId: must have no control characters',
      );
    }
    for (const id of ['7f3c…', '../x', 'a b', '\'"\\', '😀', '0']) {
      assert.equal(getRefusal(pipelineInputSchema, pipeline({ runtimeId: id })), undefined);
    }
  });
});

test('a task queue that Temporal reserves is refused', () => {
  const input = (taskQueue: string) => toNext({ workflowType: 'next', taskQueue });
  assert.match(
    getRefusal(pipelineInputSchema, input('/_sys/x')) ?? '',
    /^next\.taskQueue: must not begin with \/_sys\//,
  );
  assert.equal(getRefusal(pipelineInputSchema, input('/_sys')), undefined);
});

describe('each list has a limit', () => {
  const many = (length: number) => Array.from({ length }, (_, index) => `${index}`);
  const pipeline = (fields: object) => ({ runtimeId: RUNTIME, files, ...fields });
  const toFiles = (length: number) => ({
    runtimeId: RUNTIME,
    files: many(length).map((runtimePath) => ({ runtimePath })),
  });
  const bounds: [field: string, max: number, toInput: (length: number) => unknown, schema: z.ZodType][] = [
    ['files', 10_000, toFiles, pipelineInputSchema],
    [
      'waitFor.invocationIds',
      100,
      (length) => pipeline({ waitFor: { invocationIds: many(length) } }),
      pipelineInputSchema,
    ],
    [
      'exportArchive.type',
      100,
      (length) => pipeline({ exportArchive: { type: many(length) } }),
      pipelineInputSchema,
    ],
    ['runtimePaths', 10_000, (length) => ({ runtimePaths: many(length) }), resumeInputSchema],
    ['files', 1_000, toFiles, collectRuntimeFilesInputSchema],
  ];
  for (const [field, max, toInput, schema] of bounds) {
    test(`${field}: ${max}`, () => {
      assert.equal(getRefusal(schema, toInput(max)), undefined);
      for (const length of [max + 1, 150_000]) {
        const refusal = getRefusal(schema, toInput(length)) ?? '';
        assert.ok(refusal.startsWith(`${field}: `) && refusal.includes(String(max)), refusal);
      }
    });
  }
});

describe('metadata', () => {
  const refusal = (metadata: unknown) =>
    getRefusal(collectFileInputSchema, { runtimeId: RUNTIME, runtimePath: 'a.txt', metadata });
  const message = 'metadata: must be at most 65536 bytes of JSON, and 100 levels deep';

  test('may be any JSON object', () => {
    for (const metadata of [{}, { a: null, b: [1, 'x', { c: false }] }])
      assert.equal(refusal(metadata), undefined);
    for (const metadata of [null, [], 'x', 1])
      assert.equal(refusal(metadata), 'metadata: expected an object');
  });

  test('has at most 65,536 bytes of JSON', () => {
    const sized = (bytes: number, unit = 'x') => {
      const room = bytes - Buffer.byteLength('{"a":""}');
      return { a: 'x'.repeat(room % Buffer.byteLength(unit)) + unit.repeat(room / Buffer.byteLength(unit)) };
    };
    for (const unit of ['x', 'é', 'あ', '😀']) {
      assert.equal(refusal(sized(65_536, unit)), undefined, unit);
      assert.equal(refusal(sized(65_537, unit)), message, unit);
    }
  });

  test('is at most 100 levels deep', () => {
    assert.equal(refusal(nested(100)), undefined);
    assert.equal(refusal(nested(101)), message);
  });
});

describe('a duration', () => {
  const isRight = (value: unknown) => durationSchema.safeParse(value).success;

  test('is at least 1 ms', () => {
    for (const value of [1, '1ms', '1 ms', '0.001s']) assert.ok(isRight(value), String(value));
    for (const value of [0, -1, 1e-9, 0.999, '0s', '0.9ms', Number.NaN])
      assert.ok(!isRight(value), String(value));
  });

  test('is at most ten years', () => {
    for (const value of ['10y', '3652d', 315_576_000_000]) assert.ok(isRight(value), String(value));
    for (const value of ['10.1y', '1000000y', 315_576_000_001, 1e300, Infinity])
      assert.ok(!isRight(value), String(value));
  });

  test('is a number, or a number with a unit', () => {
    for (const value of ['5', 's', '', ' ', '1e3s', '-1s', null, true, {}, [], `${'9'.repeat(1_000_000)}s`]) {
      assert.ok(!isRight(value), String(value).slice(0, 20));
    }
  });
});
