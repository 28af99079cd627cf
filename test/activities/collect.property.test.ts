import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { createActivities } from '../../src/activities/create-activities.js';
import { BctrlClient } from '../../src/bctrl/bctrl-client.js';
import { BctrlError } from '../../src/bctrl/bctrl-error.js';
import { isReasonClass, resolveReasonClass } from '../../src/shared/reason-class.js';
import { runAttempt } from '../support/activities.js';

const RUNS = 500;

const MAX_ERROR_BYTES = 64 * 1024;

const API_KEY = 'sk_test.4f9a$KEY';
const QUERY_SECRET = 'QUERYSECRET';
const DOWNLOAD_URL = `https://storage.example/signed/DOWNLOADSECRET?signature=${QUERY_SECRET}`;
/** None of them may appear in any part of an error. */
const secrets = [API_KEY, QUERY_SECRET, DOWNLOAD_URL];

const REQUEST_TIMEOUT_MS = 150;
/** Added for a busy machine. */
const MARGIN_MS = 1_000;

const input = { runtimeId: 'rt_1', runtimePath: 'out/results.csv' };

/** Text as an API would write it, with secrets in it. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom(
        API_KEY,
        `Bearer ${API_KEY}`,
        DOWNLOAD_URL,
        `<a href="https://storage.example/f?a=1&amp;b=${QUERY_SECRET}">`,
        `https://storage.example/f?${QUERY_SECRET}`,
        `/v1/files?cursor=${QUERY_SECRET}`,
        JSON.stringify({ url: `https://storage.example/f?s=${QUERY_SECRET}` }),
        'a\r\nline\u2028after\u0000line',
        '\ud83d',
        'x'.repeat(5_000),
        '?'.repeat(100_000),
      ),
    ),
    { maxLength: 4 },
  )
  .map((parts) => parts.join(''));

const fieldName = fc.oneof(
  { arbitrary: fc.string({ maxLength: 10 }), weight: 2 },
  {
    arbitrary: fc.constantFrom('downloadUrl', 'authorization', '__proto__', 'toJSON', 'constructor'),
    weight: 2,
  },
  { arbitrary: text, weight: 1 },
);

const anyJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.oneof(text, fc.constant(DOWNLOAD_URL), fc.double(), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(fieldName, tie('value')), { maxLength: 4 }).map(toObject),
  ),
})).value;

/** A field named `downloadUrl` always contains the download URL. */
function toObject(entries: [string, unknown][]): unknown {
  const named = entries.map(([name, value]) => [name, name === 'downloadUrl' ? DOWNLOAD_URL : value]);
  return Object.fromEntries(named);
}

const dateTime = fc
  .tuple(
    fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }),
    fc.constantFrom('', '.5', '.123456789'),
    fc.constantFrom('Z', '+02:00', '-11:30'),
  )
  .map(([date, fraction, offset]) => date.toISOString().slice(0, 19) + fraction + offset);

const file = fc.record(
  {
    id: fc.uuid(),
    spaceId: fc.uuid(),
    source: fc.constantFrom('upload', 'runtime'),
    name: text,
    path: text,
    contentType: text,
    sizeBytes: fc.maxSafeNat(),
    createdAt: dateTime,
    downloadUrl: fc.constant(DOWNLOAD_URL),
    expiresAt: dateTime,
    metadata: fc.oneof(fc.constant(null), fc.array(fc.tuple(fieldName, anyJson)).map(toObject)),
    runId: fc.uuid(),
    runtimeId: fc.uuid(),
    type: text,
    somethingNew: anyJson,
  },
  {
    requiredKeys: [
      'id',
      'spaceId',
      'source',
      'name',
      'path',
      'contentType',
      'sizeBytes',
      'createdAt',
      'downloadUrl',
    ],
  },
);
const fileFields = fc.constantFrom(
  ...['id', 'spaceId', 'source', 'name', 'path', 'contentType', 'sizeBytes', 'createdAt', 'downloadUrl'],
  ...['expiresAt', 'metadata', 'runId', 'runtimeId', 'type'],
);
const oddValue = fc.oneof(
  anyJson,
  fc.constantFrom(
    -1,
    1.5,
    '7',
    '2024-01-01',
    '2024-01-01T00:00Z',
    '2024-02-30T00:00:00Z',
    '2024-01-01T25:00:00Z',
  ),
  fc.constantFrom('2024-01-01T00:00:00', 'f00d', ''),
);
const brokenFile = fc
  .tuple(file, fileFields, fc.option(oddValue, { nil: undefined }))
  .map(([whole, field, value]) => ({ ...whole, [field]: value }));

const reasonClass = fc.oneof(
  fc.constantFrom('invalid_input', 'not_found', 'conflict', 'rate_limited', 'upstream', 'server', 'teapot'),
  anyJson,
);
const code = fc.constantFrom('request.invalid', 'storage_file.path_exists', 'storage.unavailable');
const errorResponse = fc.record(
  {
    code: fc.oneof(code, text, anyJson),
    error: fc.oneof(text, anyJson),
    reasonClass,
    hint: fc.oneof(text, anyJson),
    requestId: fc.oneof(text, anyJson),
    details: fc.oneof(fc.array(fc.tuple(fieldName, anyJson)).map(toObject), anyJson),
  },
  { requiredKeys: [] },
);

const deepJson = fc
  .tuple(fc.constantFrom('{"a":', '['), fc.constantFrom(5, 50, 500, 5_000, 50_000), fc.constantFrom(1, 5))
  .map(([open, depth, bottom]) => {
    const close = open === '[' ? ']' : '}';
    const nested = open.repeat(depth) + bottom + close.repeat(depth);
    return `{"code":"request.invalid","error":"deep","details":{"nested":${nested}}}`;
  });

const json = fc.oneof(file, brokenFile, errorResponse, anyJson).map(toJson);
const body: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  { arbitrary: file.map(toJson), weight: 3 },
  { arbitrary: brokenFile.map(toJson), weight: 4 },
  { arbitrary: errorResponse.map(toJson), weight: 6 },
  { arbitrary: anyJson.map(toJson), weight: 1 },
  { arbitrary: text.map((words) => `<!doctype html><h1>${words}</h1>`), weight: 1 },
  {
    arbitrary: fc.tuple(json, fc.nat(200)).map(([whole, length]) => whole.slice(0, length)),
    weight: 1,
  },
  { arbitrary: fc.uint8Array({ maxLength: 200 }), weight: 1 },
  { arbitrary: fc.constant(''), weight: 1 },
  { arbitrary: deepJson, weight: 1 },
  {
    arbitrary: fc
      .tuple(text, fc.nat(1_000_000))
      .map(([words, more]) =>
        toJson({ code: words, error: words + 'x'.repeat(more), hint: words.repeat(9) }),
      ),
    weight: 1,
  },
);

function toJson(value: unknown): string {
  return JSON.stringify(value);
}

const headerValue = fc.stringMatching(/^[\x20-\x7e]{0,40}$/);
const retryAfter = fc.oneof(
  fc.nat(100_000).map(String),
  fc.constantFrom('0', '-1', '1.5', '1e3', '0x10', '', '9'.repeat(400), 'soon', '1, 2', 'Infinity'),
  dateTime.map((date) => new Date(date).toUTCString()),
  fc.constantFrom(
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 2094',
    'Sun, 31 Feb 2094 08:49:37 GMT',
  ),
  headerValue,
);
const contentType = fc.oneof(
  fc.constantFrom(
    'application/json',
    'text/html',
    'application/octet-stream',
    'application/json; charset=utf-16',
  ),
  headerValue,
);
const headers = fc.record(
  {
    'retry-after': retryAfter,
    'content-type': contentType,
    'content-encoding': fc.constantFrom('gzip', 'identity'),
    'x-request-id': fc.oneof(headerValue, fc.constantFrom(API_KEY, DOWNLOAD_URL, 'x'.repeat(4_000))),
    'x-bctrl-request-id': headerValue,
    location: fc.constant(DOWNLOAD_URL),
  },
  { requiredKeys: [] },
);

const status = fc.oneof(
  { arbitrary: fc.constantFrom(200, 201), weight: 4 },
  { arbitrary: fc.constantFrom(400, 401, 403, 404, 409, 429, 500, 503), weight: 6 },
  { arbitrary: fc.integer({ min: 100, max: 999 }), weight: 2 },
);

type Framing = 'content-length' | 'chunked' | 'until-close';
type Transport =
  | { readonly kind: 'whole' }
  /** The connection ends after this share of the response, by FIN or by a reset. */
  | { readonly kind: 'cut'; readonly share: number; readonly reset: boolean }
  /** Before the first byte, or between headers and body. */
  | { readonly kind: 'destroyed'; readonly afterHeaders: boolean }
  /** This share of the response arrives, and then nothing more. */
  | { readonly kind: 'endless'; readonly share: number }
  /** Something that is not HTTP. */
  | { readonly kind: 'noise'; readonly bytes: Uint8Array };

const share = fc.double({ min: 0, max: 0.999, noNaN: true });
const transport: fc.Arbitrary<Transport> = fc.oneof(
  { arbitrary: fc.constant({ kind: 'whole' as const }), weight: 24 },
  { arbitrary: fc.record({ kind: fc.constant('cut' as const), share, reset: fc.boolean() }), weight: 3 },
  {
    arbitrary: fc.record({ kind: fc.constant('destroyed' as const), afterHeaders: fc.boolean() }),
    weight: 2,
  },
  {
    arbitrary: fc.record({ kind: fc.constant('noise' as const), bytes: fc.uint8Array({ minLength: 1 }) }),
    weight: 1,
  },
  { arbitrary: fc.record({ kind: fc.constant('endless' as const), share }), weight: 1 },
);

interface Script {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
  readonly framing: Framing;
  readonly transport: Transport;
}
const script: fc.Arbitrary<Script> = fc.record({
  status,
  headers,
  body,
  framing: fc.constantFrom<Framing[]>('content-length', 'chunked', 'until-close'),
  transport,
});

function play(socket: Socket, { transport, ...response }: Script): void {
  const head = toHead(response);
  const whole = Buffer.concat([head, toFrames(response)]);
  switch (transport.kind) {
    case 'whole':
      socket.end(whole);
      return;
    case 'cut':
      socket.write(whole.subarray(0, whole.length * transport.share), () =>
        transport.reset ? socket.resetAndDestroy() : socket.end(),
      );
      return;
    case 'destroyed':
      if (!transport.afterHeaders) socket.destroy();
      else socket.write(head, () => socket.destroy());
      return;
    case 'endless':
      socket.write(whole.subarray(0, whole.length * transport.share));
      return;
    case 'noise':
      socket.end(transport.bytes);
  }
}

function toHead({ status, headers, body, framing }: Omit<Script, 'transport'>): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  if (framing === 'content-length') lines.push(`content-length: ${Buffer.from(body).length}`);
  else if (framing === 'chunked') lines.push('transfer-encoding: chunked');
  return Buffer.from(
    `HTTP/1.1 ${status} Whatever\r\n${lines.join('\r\n')}${lines.length > 0 ? '\r\n' : ''}\r\n`,
  );
}

function toFrames({ body, framing }: Pick<Script, 'body' | 'framing'>): Buffer {
  const bytes = Buffer.from(body);
  if (framing !== 'chunked') return bytes;
  const chunk = [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')];
  return Buffer.concat([...(bytes.length > 0 ? chunk : []), Buffer.from('0\r\n\r\n')]);
}

let current: Script;
let port = 0;
const server = createServer((socket) => {
  let request = '';
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    request += bytes.toString('latin1');
    const headEnd = request.indexOf('\r\n\r\n');
    const length = Number(/^content-length: (\d+)$/im.exec(request)?.[1] ?? 0);
    if (headEnd >= 0 && request.length >= headEnd + 4 + length) play(socket, current);
  });
});
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as { port: number });
});
after(() => server.close());

/** The class of the failure that a complete response must lead to; `null` for a File. */
function getExpectedClass({ status, body }: Script): string | null {
  if (status < 200 || status > 299) {
    // A longer error is classified by its status.
    const parsed = Buffer.byteLength(body) <= MAX_ERROR_BYTES ? parse(body) : undefined;
    const isObject = typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed);
    return resolveReasonClass(
      status,
      isObject ? (parsed as Record<string, unknown>)['reasonClass'] : undefined,
    );
  }
  const { id } = (parse(body) ?? {}) as { id?: unknown };
  return (typeof id === 'string' && id !== '') || typeof id === 'number' ? null : 'server';
}

function parse(body: string | Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch {
    return undefined;
  }
}

/** A proxy has decoded the body and kept the header. This JSON would also pass for compressed bytes without a header. */
const plainAsGzip: Script = {
  status: 400,
  headers: { 'content-encoding': 'gzip' },
  body: '{"code":{" ":[]},"reasonClass":"not_found"}',
  framing: 'content-length',
  transport: { kind: 'whole' },
};

test('whatever a server responds, a collect ends in time with a File or one well-formed failure', async () => {
  await fc.assert(
    fc.asyncProperty(script, async (script) => {
      current = script;
      const client = new BctrlClient({
        apiKey: API_KEY,
        baseUrl: `http://127.0.0.1:${port}`,
        requestTimeoutMs: REQUEST_TIMEOUT_MS,
        // One of the two requests could pause the other.
        maxRateLimitPauseMs: 0,
      });
      const { collectRuntimeFile } = createActivities({ client });
      const startedMs = performance.now();
      const [called, { result, failure, thrown }] = await Promise.all([
        client.collectFile(input.runtimeId, { runtimePath: input.runtimePath }).then(
          () => undefined,
          (error: unknown) => error,
        ),
        runAttempt(collectRuntimeFile, input),
      ]);
      const elapsedMs = performance.now() - startedMs;
      await client.close();

      assert.equal(thrown, undefined);
      assert.ok(elapsedMs < REQUEST_TIMEOUT_MS + MARGIN_MS, `${elapsedMs} ms`);
      // If this process pauses, even a quick response may be too late.
      const inTime = elapsedMs < REQUEST_TIMEOUT_MS;
      if (isWhole(script) && inTime) assert.equal(failure?.type ?? null, getExpectedClass(script));
      // Both requests get the same response, but one alone may be too late.
      if (inTime) assert.equal(called === undefined, failure === undefined);
      if (called !== undefined) {
        assert.ok(called instanceof BctrlError, String(called));
        assertSecretless(called);
      }
      if (failure === undefined) {
        assert.ok(result);
        assert.deepEqual(['downloadUrl' in result, 'metadata' in result], [false, false]);
        assert.ok(Buffer.byteLength(JSON.stringify(result)) < 32_000);
        return;
      }
      assertSecretless(failure);
      assert.match(failure.message, /^out\/results\.csv: \P{Cc}+$/u);
      assert.ok(isReasonClass(failure.type));
      const [details, ...others] = failure.details ?? [];
      assert.deepEqual(others, []);
      assert.equal((details as { reasonClass?: unknown }).reasonClass, failure.type);
      assert.ok(Buffer.byteLength(JSON.stringify(details)) < 3_072);
      if (failure.nonRetryable) assert.equal(failure.nextRetryDelay, undefined);
      else assert.ok(Number(failure.nextRetryDelay) >= 1_000);
    }),
    { numRuns: RUNS, examples: [[plainAsGzip]] },
  );
});

/** Whether the response is unambiguous HTTP; a 1xx, 204 or 304 with a body is not. */
function isWhole({ status, transport }: Script): boolean {
  return transport.kind === 'whole' && status >= 200 && status !== 204 && status !== 304;
}

/** Checks what a log would print, too. */
function assertSecretless(error: Error): void {
  const depth = Number.POSITIVE_INFINITY;
  const printed = inspect(error, { depth, maxStringLength: depth, maxArrayLength: depth });
  const texts = [printed, JSON.stringify(error)];
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    texts.push(cause.message, cause.stack ?? '');
  }
  for (const secret of secrets) {
    assert.ok(
      !texts.some((text) => text.includes(secret)),
      `${secret} is in ${texts.join('\n')}`.slice(0, 2_000),
    );
  }
}
