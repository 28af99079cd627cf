import assert from 'node:assert/strict';
import { after, describe, type TestContext, test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { isMissingFile } from '../../src/shared/collect.js';
import type { FailureDetails } from '../../src/shared/failure-details.js';
import { createTestActivities, runToEnd } from '../support/activities.js';
import { startTestGateway } from '../support/gateway.js';
import {
  type Oddity,
  type OddResponse,
  startOddProxy,
  withBody,
  withEncoding,
  withFields,
  withStatus,
} from '../support/odd-proxy.js';

const HTML = '<!doctype html><title>Oops</title>';
const MEGABYTE = 'x'.repeat(1_000_000);

let rows = 0;
after(() => assert.ok(rows >= 120, `${rows} rows`));

type Change = Oddity['change'];

interface Expected {
  /** Class of the final failure; `undefined` for a success. */
  readonly failure?: string;
  readonly code?: string;
  /** Part of the failure's message. */
  readonly message?: RegExp;
  readonly isMissingFile?: boolean;
  readonly missingFields?: readonly string[];
  /** Default: 1. */
  readonly attempts?: number;
  /** Files that the gateway created. Default: 1. */
  readonly made?: number;
}

async function setUp(t: TestContext, oddity: Oddity, ...more: Oddity[]) {
  rows += 1;
  const gateway = await startTestGateway(t, { onPathExists: 'keep-both' });
  await gateway.addFile('a.txt', 'hello');
  let { url } = gateway;
  for (const each of [oddity, ...more]) url = await startOddProxy(t, url, each);
  return { gateway, activities: createTestActivities(t, url) };
}

type Ended = Awaited<ReturnType<typeof runToEnd<unknown>>>;

function assertEnd({ result, failure, thrown, attempts }: Ended, expected: Expected): void {
  assert.equal(thrown, undefined);
  assert.equal(failure?.type, expected.failure, failure?.message);
  assert.equal(attempts, expected.attempts ?? 1);
  if (expected.failure === undefined) {
    assert.ok(JSON.stringify(result).length < 20_000, 'a result is small');
    return;
  }
  const details = failure?.details?.[0] as FailureDetails;
  assert.equal(details.code, expected.code);
  assert.equal(isMissingFile(details), expected.isMissingFile ?? false);
  if (expected.message) assert.match(failure?.message ?? '', expected.message);
  assert.ok(Buffer.byteLength(JSON.stringify(failure)) < 20_000, 'a failure is small');
}

function collectRow(
  title: string,
  change: Change,
  expected: Expected = {},
  options: Partial<Oddity> = {},
): void {
  test(title, async (t) => {
    const path = /\/files\/collect$/;
    const { gateway, activities } = await setUp(t, { method: 'POST', path, times: 1, change, ...options });
    const input = { runtimeId: gateway.runtimeId, runtimePath: 'a.txt', collectionKey: 'wf/run' };
    const ended = await runToEnd(activities.collectRuntimeFile, input);
    assertEnd(ended, expected);
    assert.deepEqual(ended.result?.missingFields, expected.missingFields);
    assert.equal(gateway.snapshot().files.length, expected.made ?? 1);
  });
}

describe('a collect whose response names the file is collected', () => {
  const ids: [what: string, id: unknown][] = [
    ['prefixed', 'file_7f3c2k9x1m5n8p0q4r6s2t'],
    ['an upper-case UUID', '4D26A7F0-93C1-4B58-8E2D-6F7A8B9C0D1E'],
    ['a number', 42],
    ['a word', 'x'],
    ['not ASCII', 'fïlé/☃?#'],
    ['ill-formed', 'file_\ud800'],
    ['very long', MEGABYTE],
  ];
  for (const [what, id] of ids) collectRow(`200 with an id that is ${what}`, withFields({ id }));
  collectRow(
    '200 with prefixed ids all over',
    withFields({ id: 'file_1', spaceId: 'sp_1', runId: 'run_1', runtimeId: 'rt_1' }),
  );

  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    spaceId: [{}, [], true],
    source: [7, {}, ['runtime']],
    name: [7, {}, MEGABYTE],
    path: [7, [], MEGABYTE],
    contentType: [false, {}, MEGABYTE],
    sizeBytes: ['5', -1, 0.5, 2 ** 60, {}],
    createdAt: [1_735_787_045, {}, MEGABYTE],
    downloadUrl: [7, {}, MEGABYTE],
  };
  for (const [field, values] of Object.entries(wrong)) {
    const missingFields = [field];
    collectRow(`200 without ${field}`, withFields({ [field]: undefined }), { missingFields });
    collectRow(`200 whose ${field} is null`, withFields({ [field]: null }), { missingFields });
    for (const value of values) {
      const shown = JSON.stringify(value).slice(0, 20);
      collectRow(`200 whose ${field} is ${shown}`, withFields({ [field]: value }), { missingFields });
    }
  }
  collectRow('200 with nothing but an id', withBody({ id: 'file_1' }), {
    missingFields: Object.keys(wrong),
  });

  const harmless: [what: string, fields: Record<string, unknown>][] = [
    ['an unknown source', { source: 'webhook' }],
    ['a createdAt without offset', { createdAt: '2026-01-02T03:04:05' }],
    ['a createdAt that is no date', { createdAt: 'yesterday' }],
    ['a lone surrogate in its name', { name: 'a\ud800.txt' }],
    ['an empty path', { path: '' }],
    ['metadata that is null', { metadata: null }],
    ['metadata that is a list', { metadata: [] }],
    ['metadata that is a text', { metadata: 'none' }],
    ['metadata of 3 MB', { metadata: { big: 'x'.repeat(3_000_000) } }],
    ['an expiresAt that is null', { expiresAt: null }],
    ['an expiresAt that is no date', { expiresAt: 5 }],
    ['a runId that is null', { runId: null }],
    ['a runtimeId that is null', { runtimeId: null }],
    ['a type that is null', { type: null }],
    ['a type that is an object', { type: {} }],
    ['unknown fields', Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`new${i}`, i]))],
  ];
  for (const [what, fields] of harmless) collectRow(`200 with ${what}`, withFields(fields));

  for (const status of [201, 202, 203, 206, 226, 299]) {
    collectRow(`${status} with a File`, (response) => {
      response.status = status;
    });
  }
  collectRow('200 with a File called text/html', (response) => {
    response.headers['content-type'] = 'text/html';
  });
  collectRow('200 with a byte order mark', (response) => {
    response.body = `\ufeff${response.body}`;
  });
  collectRow('200 with gzip', withEncoding('gzip', gzipSync));
  collectRow('200 with x-gzip', withEncoding('x-gzip', gzipSync));
  collectRow('200 with GZIP in capitals', withEncoding('GZIP', gzipSync));
  collectRow('200 with deflate', withEncoding('deflate', deflateSync));
  collectRow('200 with deflate without its header', withEncoding('deflate', deflateRawSync));
  collectRow('200 with br', withEncoding('br', brotliCompressSync));
  collectRow(
    '200 that says gzip and is plain',
    withEncoding('gzip', (bytes) => bytes),
  );
});

describe('a collect whose response does not name the file is looked up', () => {
  const bodies: [what: string, body: unknown][] = [
    ['no body', ''],
    ['null', null],
    ['a list', []],
    ['an empty object', {}],
    ['HTML', HTML],
    ['JSON that is cut off', '{"id":"file_1","pa'],
    ['a File in an envelope', { data: { id: 'file_1' } }],
    ['an empty id', { id: '' }],
    ['an id that is null', { id: null }],
    ['an id that is an object', { id: {} }],
  ];
  for (const [what, body] of bodies) collectRow(`200 with ${what}`, withBody(body), { attempts: 2 });
  collectRow('204', withStatus(204), { attempts: 2 });

  const unclear = [
    ...[301, 302, 303, 304, 307, 308, 408, 425, 460, 499, 500, 501, 502, 503, 504, 505, 507, 508, 509, 511],
    ...[520, 521, 522, 523, 524, 525, 526, 527, 529, 530, 561, 598, 599],
  ];
  for (const status of unclear) collectRow(`${status} of a proxy`, withStatus(status, HTML), { attempts: 2 });
  collectRow('400 of class upstream', withStatus(400, { code: 'a.b', reasonClass: 'upstream' }), {
    attempts: 2,
  });
});

describe('a collect that was refused', () => {
  const instead = { instead: true };

  for (const [status, failure] of [
    [400, 'invalid_input'],
    [401, 'unauthorized'],
    [403, 'capability_denied'],
    [404, 'not_found'],
    [405, 'invalid_input'],
    [406, 'invalid_input'],
    [410, 'not_found'],
    [411, 'invalid_input'],
    [413, 'invalid_input'],
    [414, 'invalid_input'],
    [415, 'invalid_input'],
    [422, 'invalid_input'],
    [426, 'invalid_input'],
    [431, 'invalid_input'],
    [451, 'invalid_input'],
  ] as const) {
    const message = new RegExp(`returned ${status} \\(text/html from nginx, not an error of the API\\)$`);
    const change = withStatus(status, HTML, { server: 'nginx' });
    collectRow(
      `a collect refused by ${status} with HTML is final, and not a missing file`,
      change,
      { failure, message, made: 0 },
      instead,
    );
  }

  for (const code of [
    'request.not_found',
    'runtime.not_found',
    'run.not_found',
    'route.not_found',
    undefined,
  ]) {
    const change = withStatus(404, { code, error: 'Not here.', reasonClass: 'not_found' });
    const expected = { failure: 'not_found', made: 0, ...(code !== undefined && { code }) };
    collectRow(
      `a collect refused by 404 ${code} is final, and not a missing file`,
      change,
      expected,
      instead,
    );
  }
  for (const status of [404, 410]) {
    const code = 'file.not_found';
    const change = withStatus(status, { code, error: 'Not here.' });
    const expected = { failure: 'not_found', code, isMissingFile: true, made: 0 };
    collectRow(`a collect refused by ${status} file.not_found is a missing file`, change, expected, instead);
  }
  collectRow(
    'a collect refused by 400 file.not_found is not a missing file',
    withStatus(400, { code: 'file.not_found', reasonClass: 'not_found' }),
    {
      failure: 'not_found',
      code: 'file.not_found',
      made: 0,
    },
    instead,
  );

  for (const status of [409, 421, 423, 429]) {
    const change = withStatus(status, HTML);
    collectRow(
      `a collect refused by ${status} of a proxy is retried`,
      change,
      { attempts: 2 },
      { ...instead, times: 1 },
    );
  }

  const reasons: [what: string, body: unknown, message: RegExp, code?: string][] = [
    ['an error object', { error: { message: 'Too bad.', code: 'a.b' } }, /422 a\.b: Too bad\.$/, 'a.b'],
    ['a message', { message: 'Too bad.' }, /422 Too bad\.$/],
    ['a problem', { type: 'about:blank', title: 'Bad', detail: 'Too bad.' }, /422 Too bad\.$/],
    ['a title', { title: 'Too bad.' }, /422 Too bad\.$/],
    ['a list of errors', { errors: [{ code: 'a.b', message: 'Too bad.' }] }, /422 a\.b: Too bad\.$/, 'a.b'],
    ['a list of texts', { errors: ['Too bad.', 'Worse.'] }, /422 Too bad\.$/],
    ['a code alone', { code: 'a.b' }, /422 a\.b$/, 'a.b'],
    [
      'odd types',
      { code: 7, error: [], hint: {}, details: 'x' },
      /422 \(application\/json, not an error of the API\)$/,
    ],
    ['a list', ['Too bad.'], /422 \(application\/json, not an error of the API\)$/],
  ];
  for (const [what, body, message, code] of reasons) {
    const expected = { failure: 'invalid_input', message, made: 0, ...(code !== undefined && { code }) };
    collectRow(
      `a refusal that gives its reason in ${what} is quoted`,
      withStatus(422, body),
      expected,
      instead,
    );
  }

  test('a refusal of 15 MB is read only as far as it is quoted', async (t) => {
    const body = '?'.repeat(15_000_000);
    const oddity = {
      method: 'POST',
      path: /collect$/,
      times: 1,
      instead: true,
      change: withStatus(422, body),
    } as const;
    const { gateway, activities } = await setUp(t, oddity);
    const startedMs = performance.now();
    const ended = await runToEnd(activities.collectRuntimeFile, {
      runtimeId: gateway.runtimeId,
      runtimePath: 'a.txt',
    });
    assertEnd(ended, { failure: 'invalid_input' });
    assert.ok(performance.now() - startedMs < 2_000);
  });
});

describe('a lookup finds the file in an odd listing', () => {
  const inList =
    (change: (items: Record<string, unknown>[]) => unknown, page: Record<string, unknown> = {}): Change =>
    (response: OddResponse) => {
      const list = JSON.parse(String(response.body));
      response.body = JSON.stringify({ ...list, data: change(list.data), ...page });
    };
  const listRow = (title: string, change: Change, times = 1, expected: Expected = {}) =>
    test(`a lookup finds the file if the listing ${title}`, async (t) => {
      const { gateway, activities } = await setUp(t, {
        method: 'GET',
        path: /^\/v1\/files\?/,
        times,
        change,
      });
      await gateway.addFile('foreign.txt');
      await gateway.collect({ runtimePath: 'foreign.txt' });
      gateway.setFaults([{ operation: 'collect', times: 1, fault: { kind: 'drop-response' } }]);
      const input = { runtimeId: gateway.runtimeId, runtimePath: 'a.txt', collectionKey: 'wf/run' };
      const ended = await runToEnd(activities.collectRuntimeFile, input);
      assertEnd(ended, { attempts: 2, ...expected });
      assert.equal(gateway.snapshot().files.length, 2, 'the foreign file and this one');
    });

  const oddItems: [what: string, item: unknown][] = [
    ['null', null],
    ['a text', 'file_1'],
    ['an object without an id', { path: '/x' }],
    ['a File with nothing but an id', { id: 'file_x' }],
    ['a File with odd fields', { id: 'file_x', sizeBytes: '7', metadata: [], createdAt: 5, path: null }],
    ['a File whose name is a megabyte', { id: 'file_x', name: MEGABYTE }],
  ];
  for (const [what, item] of oddItems)
    listRow(
      `has an item that is ${what}`,
      inList((items) => [item, ...items]),
    );
  for (const nextCursor of [undefined, '', null]) {
    listRow(
      `has the cursor ${nextCursor === '' ? "''" : nextCursor}`,
      inList((items) => items, { nextCursor }),
    );
  }
  listRow(
    'shows the file with odd fields',
    inList((items) =>
      items.map((item) => ({ id: item['id'], metadata: item['metadata'], createdAt: 'odd' })),
    ),
  );
  listRow('fails once', withStatus(503, HTML), 1, { attempts: 3 });
  listRow('is no list at first', withBody('nothing'), 1, { attempts: 3 });
  listRow('has no data at first', withBody({ nextCursor: null }), 1, { attempts: 3 });

  test('a listing that repeats its cursors is given up, and nothing is collected', async (t) => {
    let pages = 0;
    const { gateway, activities } = await setUp(t, {
      method: 'GET',
      path: /^\/v1\/files\?/,
      times: Number.POSITIVE_INFINITY,
      instead: true,
      change: (response) => {
        response.body = JSON.stringify({ data: [], nextCursor: ['A', 'B'][pages % 2] });
        pages += 1;
      },
    });
    const input = { runtimeId: gateway.runtimeId, runtimePath: 'a.txt', checkExistingFirst: true };
    const ended = await runToEnd(activities.collectRuntimeFile, input);
    assertEnd(ended, {
      failure: 'server',
      code: 'response.invalid',
      attempts: 10,
      message: /returned the same cursor twice/,
    });
    assert.equal(pages, 3 * 10);
    assert.equal(gateway.snapshot().files.length, 0);
  });
});

describe('waitForInvocation reads an odd response', () => {
  type ExpectedEnd = Expected & { readonly polls?: number };
  const shortPoll = { method: 'GET', path: /\/invocations\//, times: 1 } as const;
  const heldPoll = { method: 'POST', path: /\/wait$/, times: 1 } as const;
  const running = { ...shortPoll, change: withFields({ status: 'running' }) };

  /** The first poll is short. The response to it is odd, or it says that the job runs and the response to the held one is odd. */
  const waitRow = (title: string, change: Change, expected: ExpectedEnd = {}) => {
    const kinds: [name: string, oddities: [Oddity, ...Oddity[]], polls: number][] = [
      ['short', [{ ...shortPoll, change }], expected.polls ?? 1],
      ['held', [running, { ...heldPoll, change }], 1 + (expected.polls ?? 1)],
    ];
    for (const [name, oddities, polls] of kinds) {
      test(`waitForInvocation: the response to a ${name} poll ${title}`, async (t) => {
        const { gateway, activities } = await setUp(t, ...oddities);
        const { runtimeId } = gateway;
        const { id } = await gateway.createInvocation({ runtimeId, durationMs: 0 });
        const ended = await runToEnd(activities.waitForInvocation, { runtimeId, invocationId: id });
        assertEnd(ended, expected);
        if (expected.failure === undefined)
          assert.deepEqual([ended.result?.id, ended.result?.status], [id, 'succeeded']);
        const { wait = 0, 'get-invocation': short = 0 } = gateway.snapshot().requests;
        assert.equal(wait + short, polls);
      });
    }
  };

  const harmless: [what: string, fields: Record<string, unknown>][] = [
    ['has another id', { id: 'inv_1' }],
    ['has no id', { id: undefined }],
    ['has no action', { action: undefined }],
    ['has an action of 1 MB', { action: MEGABYTE }],
    ['has no waitStatus', { waitStatus: undefined }],
    ['has an unknown waitStatus', { waitStatus: 'done' }],
    ['has a text for durationSeconds', { durationSeconds: '5' }],
    ['has a negative durationSeconds', { durationSeconds: -1 }],
    ['has a runId that is null', { runId: null }],
    ['has an error that is a text', { error: 'none' }],
    ['has an error without code', { error: { message: 'It went wrong.' } }],
    ['has an error of 1 MB', { error: { code: MEGABYTE, message: MEGABYTE } }],
    ['has a retryAfterSeconds that is a text', { retryAfterSeconds: 'soon' }],
    ['has an output of 1 MB', { output: MEGABYTE }],
  ];
  for (const [what, fields] of harmless) waitRow(what, withFields(fields));

  for (const status of ['paused', 'waiting_for_input', 'queued', 'SUCCEEDED']) {
    waitRow(`says ${status} at first`, withFields({ status }), { polls: 2 });
  }
  waitRow(
    'says a status and a pause of a million seconds at first',
    withFields({ status: 'running', retryAfterSeconds: -5 }),
    { polls: 2 },
  );
  waitRow('has no status at first', withFields({ status: undefined }), { attempts: 2, polls: 2 });
  waitRow('is 522 at first', withStatus(522, HTML), { attempts: 2, polls: 2 });
  waitRow('is a 404 of a proxy', withStatus(404, HTML), { failure: 'not_found' });
});

describe('getActiveRun reads an odd response', () => {
  const runtimeRow = (title: string, change: Change, run: unknown, expected: Expected = {}) =>
    test(`getActiveRun: the response ${title}`, async (t) => {
      const { gateway, activities } = await setUp(t, {
        method: 'GET',
        path: /^\/v1\/runtimes\//,
        times: 1,
        change,
      });
      const ended = await runToEnd(activities.getActiveRun, { runtimeId: gateway.runtimeId });
      assertEnd(ended, expected);
      if (typeof run === 'string') assert.equal(ended.result, run);
    });
  runtimeRow('says starting', withFields({ status: 'starting', activeRunId: 'run_1' }), 'run_1');
  runtimeRow('says nothing else', withBody({ activeRunId: 'run_1' }), 'run_1');
  runtimeRow('has a number for it', withFields({ activeRunId: 7 }), '7');
  runtimeRow(
    'has no id and no status',
    withFields({ id: undefined, status: null, activeRunId: 'run_1' }),
    'run_1',
  );
  runtimeRow('says none', withFields({ activeRunId: null }), undefined, {
    failure: 'conflict',
    code: 'runtime.not_active',
  });
  runtimeRow('leaves it out', withFields({ activeRunId: undefined }), undefined, {
    failure: 'conflict',
    code: 'runtime.not_active',
  });
  runtimeRow('has one of 2,049 bytes at first', withFields({ activeRunId: 'r'.repeat(2_049) }), undefined, {
    attempts: 2,
  });
  runtimeRow('is an empty object at first', withBody({}), undefined, { attempts: 2 });
  runtimeRow('is HTML at first', withBody(HTML), undefined, { attempts: 2 });
});

describe('exportRunFiles reads an odd response', () => {
  const exportRow = (title: string, change: Change, expected: Expected = {}) =>
    test(`exportRunFiles: the response ${title}`, async (t) => {
      const { gateway, activities } = await setUp(t, {
        method: 'POST',
        path: /\/files\/export$/,
        times: 1,
        change,
      });
      const { body } = await gateway.collect({ runtimePath: 'a.txt' });
      const input = { runId: body.runId, idempotencyKey: 'wf/run/archive' };
      const ended = await runToEnd(activities.exportRunFiles, input);
      assertEnd(ended, expected);
      assert.deepEqual(ended.result?.missingFields, expected.missingFields);
      const archives = gateway.snapshot().files.filter(({ runtimePath }) => runtimePath === null);
      assert.equal(archives.length, 1);
    });
  exportRow('has a prefixed id', withFields({ id: 'file_1' }));
  exportRow('has no path and no size', withFields({ path: null, sizeBytes: 'x' }), {
    missingFields: ['path', 'sizeBytes'],
  });
  exportRow('names no file', withBody({}), { attempts: 2 });
  exportRow('is 524', withStatus(524, HTML), { attempts: 2 });
});

describe('stopRuntime reads an odd response', () => {
  const stopRow = (title: string, change: Change, expected: Expected = {}) =>
    test(`stopRuntime: the response ${title}`, async (t) => {
      const { gateway, activities } = await setUp(t, { method: 'POST', path: /\/stop$/, times: 1, change });
      const { runtimeId } = gateway;
      const { failure, attempts } = await runToEnd(activities.stopRuntime, { runtimeId });
      assert.deepEqual([failure?.type, attempts], [expected.failure, expected.attempts ?? 1]);
      assert.equal((await gateway.call('GET', `/v1/runtimes/${runtimeId}`)).body.status, 'stopped');
    });
  stopRow('is 204', withStatus(204));
  stopRow('has no body', withBody(''));
  stopRow('is an empty object', withBody({}));
  stopRow('says stopping', withFields({ status: 'stopping', stopped: 'yes', runId: null }));
  stopRow('is HTML at first', withBody(HTML), { attempts: 2 });
  stopRow('is 502 at first', withStatus(502, HTML), { attempts: 2 });
});
