import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { BctrlError } from '../../src/bctrl/bctrl-error.js';
import { collectRequestSchema, errorResponseSchema, fileSchema } from '../../src/shared/api-schema.js';
import { fileKey } from '../../src/shared/keys.js';
import { COLLECTION_KEY_FIELD } from '../../src/shared/names.js';
import { type ReasonClass, reasonClasses } from '../../src/shared/reason-class.js';
import { createTestActivities, runAttempt } from '../support/activities.js';
import { createTestClient, startServer } from '../support/client.js';
import { API_KEY } from '../support/gateway.js';
import { COLLECT_PATH, createSchemaValidator, describeErrors, responses, schemas } from './contract.js';

const RUNTIME = '00000000-0000-4000-8000-000000000000';

const isValidRequest = createSchemaValidator('RuntimeFileCollectRequest', { strict: true });
const isValidFile = createSchemaValidator('File');
const isValidError = createSchemaValidator('ErrorResponse');

const fileFields = Object.keys(schemas.File.properties);

/** The smallest File. */
const leastFile = {
  id: RUNTIME,
  spaceId: RUNTIME,
  source: 'runtime',
  name: 'a.txt',
  path: '/a.txt',
  contentType: 'text/plain',
  sizeBytes: 5,
  createdAt: '2025-01-02T03:04:05.678Z',
  downloadUrl: 'https://files.test/a.txt',
};

/** Any object, as for `metadata` and `details`, without the one key that zod drops for safety. */
const anyObject = fc.object({ key: fc.string().filter((name) => name !== '__proto__') });

interface Sent {
  readonly method: string | undefined;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

/** Starts a server that records every request and returns a File. */
async function startRecorder(t: TestContext): Promise<{ url: string; sent: Sent[] }> {
  const sent: Sent[] = [];
  const url = await startServer(t, async (request, response) => {
    const body = JSON.parse(await text(request));
    sent.push({ method: request.method, path: request.url ?? '', headers: request.headers, body });
    response.end(JSON.stringify(leastFile));
  });
  return { url, sent };
}

function assertRequest({ body }: Sent): void {
  assert.ok(isValidRequest(body), describeErrors(isValidRequest));
}

describe('the collect request', () => {
  for (const runtimeId of [RUNTIME, 'rt 1/ü?']) {
    test(`the collect request goes to the documented path of runtime ${runtimeId}`, async (t) => {
      const { url, sent } = await startRecorder(t);
      await createTestClient(t, url).collectFile(runtimeId, { runtimePath: 'a.txt' });
      assert.equal(sent.length, 1);
      assert.equal(sent[0]?.method, 'POST');
      assert.equal(sent[0]?.path, COLLECT_PATH.replace('{runtimeId}', encodeURIComponent(runtimeId)));
    });
  }

  test('the collect request has the documented headers', async (t) => {
    const { url, sent } = await startRecorder(t);
    await createTestClient(t, url).collectFile(RUNTIME, { runtimePath: 'a.txt' });
    assert.equal(sent[0]?.headers['authorization'], `Bearer ${API_KEY}`);
    assert.equal(sent[0]?.headers['content-type'], 'application/json');
  });

  test('the collect request is valid and carries the input, whatever it is', async (t) => {
    const { url, sent } = await startRecorder(t);
    const client = createTestClient(t, url);
    const word = fc.string({ minLength: 1, unit: 'grapheme' });
    const optional = { destinationPath: word, name: word, type: word, metadata: anyObject };
    const requests = fc.record({ runtimePath: word, ...optional }, { requiredKeys: ['runtimePath'] });
    await fc.assert(
      fc.asyncProperty(requests.map(asJson), async (request) => {
        await client.collectFile(RUNTIME, collectRequestSchema.parse(request));
        const last = sent.at(-1);
        assert.ok(last);
        assertRequest(last);
        assert.deepEqual(last.body, request);
      }),
    );
  });

  test('the collect request of the activity has only documented fields', async (t) => {
    const { url, sent } = await startRecorder(t);
    const { result } = await runAttempt(createTestActivities(t, url).collectRuntimeFile, {
      runtimeId: RUNTIME,
      runtimePath: 'a.txt',
      destinationPath: '/b.txt',
      name: 'b',
      type: 'report',
      metadata: { mine: [1, null] },
      ifExists: 'keep',
      appearsWithin: '30s',
      collectionKey: 'workflow/run/0',
      checkExistingFirst: false,
    });
    assert.ok(result);
    const [request] = sent;
    assert.ok(request);
    assertRequest(request);
    const key = `workflow/run/0/${fileKey({ runtimePath: 'a.txt', destinationPath: '/b.txt' })}`;
    assert.deepEqual(request.body['metadata'], { mine: [1, null], [COLLECTION_KEY_FIELD]: key });
  });

  test('the collect request with an undocumented field would fail this check', () => {
    assert.equal(isValidRequest({ runtimePath: 'a.txt', ifExists: 'keep' }), false);
  });
});

/** RFC 3339 without leap seconds, which a JavaScript date cannot express. */
const dateTime = fc
  .tuple(
    fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T00:00:00Z'),
      noInvalidDate: true,
    }),
    fc.constantFrom('', '.1', '.123456789'),
    fc.constantFrom('Z', 'z', '+00:00', '-00:00', '+05:30', '-23:59'),
    fc.constantFrom('T', 't'),
  )
  .map(([date, fraction, offset, separator]) => {
    const [day, time] = date.toISOString().split('T');
    return `${day}${separator}${time?.slice(0, 8)}${fraction}${offset}`;
  });

const uuid = fc.uuid().chain((id) => fc.constantFrom(id, id.toUpperCase(), id.replaceAll(/[0-9]/g, '0')));
const anyText = fc.string({ unit: 'grapheme' });

const wellFormed: Record<string, fc.Arbitrary<unknown>> = {
  id: uuid,
  spaceId: uuid,
  source: fc.constantFrom(...schemas.FileSource.enum),
  name: anyText,
  path: anyText,
  contentType: anyText,
  sizeBytes: fc.maxSafeNat(),
  createdAt: dateTime,
  downloadUrl: anyText,
  expiresAt: dateTime,
  metadata: fc.option(anyObject),
  runId: uuid,
  runtimeId: uuid,
  type: anyText,
};

/** Files with some of the optional fields, and with unknown ones. */
const files = fc
  .tuple(anyObject, fc.record(wellFormed, { requiredKeys: schemas.File.required }))
  .map(([unknown, file]) => asJson({ ...omit(unknown, fileFields), ...file }));

/** Values that resemble a date-time, a UUID, a size or a source. */
const nearMisses: unknown[] = [
  '2025-02-30T00:00:00Z',
  '2025-01-01T00:00:00',
  '2025-01-01',
  'Thu, 02 Jan 2025 03:04:05 GMT',
  1_735_787_045_678,
  RUNTIME.replaceAll('-', ''),
  'file_7f3c2k9x1m5n8p0q4r6s2t',
  '',
  0.5,
  -1,
  2 ** 60,
  '5',
  'webhook',
  'x'.repeat(1_000_000),
  'a\ud800b',
  ...[null, true, [], {}, ['a'], undefined],
];

const otherValues = fc.oneof(fc.constantFrom(...nearMisses), fc.jsonValue());

/** Files with one field missing or replaced, possibly by another valid value. */
const mutatedFiles = fc
  .tuple(files, fc.constantFrom(...fileFields), fc.option(otherValues, { nil: undefined }))
  .map(([file, field, value]) => [field, asJson({ ...file, [field]: value })] as const);

describe('a File', () => {
  test('a File that the contract allows is read with all of its fields, without unknown ones', () => {
    fc.assert(
      fc.property(files, (file) => {
        assert.ok(isValidFile(file), describeErrors(isValidFile));
        const known = Object.keys(file).filter((name) => fileFields.includes(name) && file[name] !== null);
        const parsed = fileSchema.parse(file);
        assert.equal(parsed.missingFields, undefined);
        const present = Object.entries(parsed).filter(([, value]) => value !== undefined);
        assert.deepEqual(present.map(([name]) => name).sort(), known.sort());
      }),
      { numRuns: 1_000 },
    );
  });

  test('a File is read if it has an id, whatever its other fields are', () => {
    fc.assert(
      fc.property(mutatedFiles, ([field, file]) => {
        const { id } = file;
        const hasId = (typeof id === 'string' && id !== '') || typeof id === 'number';
        const { data } = fileSchema.safeParse(file);
        assert.equal(data !== undefined, hasId);
        if (data === undefined) return;
        const isRequired = schemas.File.required.includes(field) && field !== 'id';
        const isUsable = data[field as keyof typeof data] !== undefined;
        assert.deepEqual(data.missingFields ?? [], isRequired && !isUsable ? [field] : []);
        assert.ok(JSON.stringify({ ...data, metadata: {} }).length < 50_000);
        for (const value of Object.values(data)) {
          if (typeof value === 'string') assert.ok(value.isWellFormed());
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test('a File names every required field that is missing', () => {
    const required = schemas.File.required.filter((name: string) => name !== 'id');
    assert.deepEqual(fileSchema.parse({ id: 'file_1' }).missingFields, required.toSorted(byContract));
  });
});

/** Sorts fields in the order in which the client names them. */
function byContract(a: string, b: string): number {
  const order = ['spaceId', 'source', 'name', 'path', 'contentType', 'sizeBytes', 'createdAt', 'downloadUrl'];
  return order.indexOf(a) - order.indexOf(b);
}

test('the reasonClass values are those of the contract', () => {
  assert.deepEqual([...schemas.ErrorResponseReasonClass.enum].sort(), [...reasonClasses].sort());
});

/** The error for a response to a collect. */
async function getError(t: TestContext, status: number, body: object): Promise<BctrlError> {
  const url = await startServer(t, (_request, response) =>
    response.writeHead(status).end(JSON.stringify(body)),
  );
  const collected = createTestClient(t, url).collectFile(RUNTIME, { runtimePath: 'a.txt' });
  const error = await collected.then(
    () => assert.fail('the call succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof BctrlError);
  return error;
}

/** The example codes of a description: dotted words in quotes of any kind. */
function exampleCodes(description: string): string[] {
  return [...description.matchAll(/["`]([a-z_]+\.[a-z_]+)["`]/g)].map(([, code = '']) => code);
}

/** The class of a response without a reasonClass. */
const classOfStatus: Record<string, ReasonClass> = {
  400: 'invalid_input',
  401: 'unauthorized',
  403: 'capability_denied',
  404: 'not_found',
  429: 'rate_limited',
  500: 'server',
  503: 'upstream',
};

describe('an ErrorResponse', () => {
  const documented = Object.entries(responses).filter(([status]) => Number(status) >= 400);

  for (const [status, { description }] of documented) {
    const [code = 'request.invalid'] = exampleCodes(description);
    const expected = classOfStatus[status];
    test(`${status} ${code} without a class → ${expected}`, async (t) => {
      const body = { code, error: 'Said so.' };
      assert.ok(isValidError(body), describeErrors(isValidError));
      const error = await getError(t, Number(status), body);
      assert.deepEqual([error.reasonClass, error.code], [expected, code]);
    });
  }

  for (const reasonClass of schemas.ErrorResponseReasonClass.enum) {
    test(`an ErrorResponse of class ${reasonClass} is read with all of its fields`, async (t) => {
      const { code: about, hint: example } = schemas.ErrorResponse.properties;
      const [code] = exampleCodes(about.description);
      const [, hint] = /e\.g\. "(.+)"/.exec(example.description) ?? [];
      const said = { code, hint, requestId: 'req_1', details: { field: 'runtimePath' } };
      const body = { ...said, error: 'Said so.', reasonClass };
      assert.ok(isValidError(body), describeErrors(isValidError));
      const error = await getError(t, 418, body);
      const { hint: itsHint, requestId, details } = error;
      assert.deepEqual({ code: error.code, hint: itsHint, requestId, details }, said);
      assert.equal(error.reasonClass, reasonClass);
      assert.match(error.message, /418 runtime\.not_found: Said so\.$/);
    });
  }

  test('an ErrorResponse that the contract allows loses no field', () => {
    const known = Object.keys(schemas.ErrorResponse.properties);
    const optional = { hint: anyText, requestId: anyText, details: anyObject };
    const errors = fc.record(
      { code: anyText, error: anyText, ...optional, reasonClass: fc.constantFrom(...reasonClasses) },
      { requiredKeys: schemas.ErrorResponse.required },
    );
    fc.assert(
      fc.property(errors.map(asJson), (error) => {
        assert.ok(isValidError(error), describeErrors(isValidError));
        const parsed = Object.entries(errorResponseSchema.parse(error)).filter(
          ([, value]) => value !== undefined,
        );
        const said = Object.entries(error).filter(([name, value]) => known.includes(name) && value !== '');
        assert.deepEqual(Object.fromEntries(parsed), Object.fromEntries(said));
      }),
    );
  });
});

/** The value after serialization. */
function asJson<T extends object>(value: T): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value));
}

function omit(value: object, fields: readonly string[]): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !fields.includes(name)));
}
