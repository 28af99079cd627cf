import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib';
import { BctrlClient } from '../../src/bctrl/bctrl-client.js';
import { createTestClient, startServer } from '../support/client.js';
import { API_KEY, startTestGateway } from '../support/gateway.js';
import { getError } from '../support/get-error.js';
import { waitFor } from '../support/wait-for.js';

const RUNTIME = '00000000-0000-4000-8000-000000000000';

const collect = (client: BctrlClient, runtimePath = 'a.txt') => client.collectFile(RUNTIME, { runtimePath });

describe('the client against the gateway', () => {
  test('collectFile creates a file that listFiles returns', async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile('out/a.txt', 'hello');
    const client = createTestClient(t, `${gateway.url}/v1/`);
    const metadata = { mine: 1 };
    const file = await client.collectFile(gateway.runtimeId, { runtimePath: 'out/a.txt', metadata });
    assert.equal(file.sizeBytes, 5);
    assert.equal(file.runtimeId, gateway.runtimeId);
    const page = await client.listFiles({ runtimeId: gateway.runtimeId, limit: 1 });
    assert.deepEqual(page, { data: [file], nextCursor: null });
    assert.deepEqual(page.data[0]?.metadata, metadata);
  });

  test('getRuntime and stopRuntime read and stop a runtime', async (t) => {
    const gateway = await startTestGateway(t);
    const client = createTestClient(t, gateway.url);
    const { activeRunId, status } = await client.getRuntime(gateway.runtimeId);
    assert.equal(status, 'active');
    const stopped = await client.stopRuntime(gateway.runtimeId);
    assert.deepEqual([stopped?.runId, stopped?.stopped], [activeRunId, true]);
    const error = await getError(client.stopRuntime(gateway.runtimeId));
    assert.deepEqual([error.reasonClass, error.code], ['conflict', 'runtime.not_active']);
  });

  test('waitForInvocation resolves when the invocation has ended', async (t) => {
    const gateway = await startTestGateway(t);
    const client = createTestClient(t, gateway.url);
    const { id } = await gateway.createInvocation({ runtimeId: gateway.runtimeId, durationMs: 200 });
    const early = await client.waitForInvocation(gateway.runtimeId, id, 0);
    assert.equal(early.status, 'running');
    const late = await client.waitForInvocation(gateway.runtimeId, id, 30);
    assert.equal(late.status, 'succeeded');
    assert.equal((await client.getInvocation(id)).status, 'succeeded');
  });

  test('a refusal has class, code, status and request id, and is definite', async (t) => {
    const gateway = await startTestGateway(t);
    const client = createTestClient(t, gateway.url);
    const error = await getError(client.collectFile(gateway.runtimeId, { runtimePath: 'missing.txt' }));
    assert.equal(error.reasonClass, 'not_found');
    assert.equal(error.code, 'file.not_found');
    assert.equal(error.status, 404);
    assert.match(error.requestId ?? '', /./);
    assert.equal(error.mayHaveSucceeded, false);
    assert.match(error.message, /^POST \/v1\/runtimes\/.+\/files\/collect returned 404 file\.not_found/);
  });

  test('a wrong key is unauthorized and appears nowhere', async (t) => {
    const gateway = await startTestGateway(t);
    const error = await getError(createTestClient(t, gateway.url, { apiKey: 'wrong-key-1' }).whoami());
    assert.equal(error.reasonClass, 'unauthorized');
    assert.doesNotMatch(JSON.stringify({ ...error, text: error.stack }), /wrong-key-1/);
  });

  for (const [kind, reasonClass] of [
    ['reset', 'upstream'],
    ['drop-response', 'upstream'],
    ['truncated-response', 'upstream'],
    ['malformed-response', 'server'],
  ] as const) {
    test(`a request may have succeeded after ${kind}`, async (t) => {
      const gateway = await startTestGateway(t, { faults: [{ operation: 'collect', fault: { kind } }] });
      await gateway.addFile('a.txt');
      const client = createTestClient(t, gateway.url);
      const error = await getError(client.collectFile(gateway.runtimeId, { runtimePath: 'a.txt' }));
      assert.equal(error.reasonClass, reasonClass);
      assert.equal(error.mayHaveSucceeded, true);
      assert.equal(gateway.snapshot().requests.collect, 1, 'the client never retries');
    });
  }

  test('a request that takes too long ends with the timeout', async (t) => {
    const faults = [{ operation: 'collect', fault: { kind: 'delay', delayMs: 5_000 } }] as const;
    const gateway = await startTestGateway(t, { faults });
    const client = createTestClient(t, gateway.url, { requestTimeoutMs: 100 });
    const error = await getError(collect(client));
    assert.deepEqual([error.reasonClass, error.code], ['upstream', 'ETIMEDOUT']);
    assert.equal(error.mayHaveSucceeded, true);
  });

  test('an abort ends a request within 100 ms, with the reason that was given', async (t) => {
    const faults = [{ operation: 'collect', fault: { kind: 'delay', delayMs: 5_000 } }] as const;
    const gateway = await startTestGateway(t, { faults });
    const client = createTestClient(t, gateway.url, { maxRequests: 1 });
    const abort = new AbortController();
    const { signal } = abort;
    const inFlight = client.collectFile(RUNTIME, { runtimePath: 'a' }, { signal });
    const queued = client.collectFile(RUNTIME, { runtimePath: 'b' }, { signal });
    const settled = Promise.allSettled([inFlight, queued]);
    await waitFor('the collect', () => gateway.snapshot().requests.collect === 1);
    const reason = new Error('enough');
    const startedMs = performance.now();
    abort.abort(reason);
    assert.deepEqual(await settled, [
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
    assert.ok(performance.now() - startedMs < 100);
    assert.equal(gateway.snapshot().requests.collect, 1, 'the queued request was never sent');
  });

  test('no more requests are in flight than allowed, and long polls do not count', async (t) => {
    const faults = [{ operation: 'collect', fault: { kind: 'delay', delayMs: 20 } }] as const;
    const gateway = await startTestGateway(t, { faults });
    await gateway.addFile('a.txt');
    const client = createTestClient(t, gateway.url, { maxRequests: 3 });
    await Promise.allSettled(Array.from({ length: 12 }, () => collect(client)));
    assert.equal(gateway.snapshot().maxInFlight, 3);

    const { id } = await gateway.createInvocation({ runtimeId: gateway.runtimeId, durationMs: 60_000 });
    const abort = new AbortController();
    const poll = () => client.waitForInvocation(gateway.runtimeId, id, 60, { signal: abort.signal });
    const polls = Promise.allSettled(Array.from({ length: 5 }, poll));
    await waitFor('5 requests in flight', () => gateway.snapshot().inFlight === 5);
    assert.equal((await client.getRuntime(gateway.runtimeId)).status, 'active');
    abort.abort();
    await polls;
  });
});

describe('a rate limit', () => {
  const PAUSE_MS = 60_000;

  /** Sends three collects, one after the other unless paused; the first gets a 429. */
  async function collectAfter429(
    t: TestContext,
    headers: Record<string, string>,
    maxRateLimitPauseMs: number,
  ) {
    const fault = { kind: 'respond', status: 429, headers } as const;
    const gateway = await startTestGateway(t, { faults: [{ operation: 'collect', times: 1, fault }] });
    await gateway.addFile('a.txt');
    const client = createTestClient(t, gateway.url, { maxRequests: 1, maxRateLimitPauseMs });
    const startedMs = performance.now();
    const collects = Array.from({ length: 3 }, (_, index) => {
      const request = { runtimePath: 'a.txt', destinationPath: `/${index}.txt` };
      return client.collectFile(gateway.runtimeId, request);
    });
    const settled = await Promise.allSettled(collects);
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['rejected', 'fulfilled', 'fulfilled'],
    );
    assert.equal(gateway.snapshot().requests.collect, 3);
    return performance.now() - startedMs;
  }

  test('a rate limit with Retry-After pauses all requests until then', async (t) => {
    const elapsedMs = await collectAfter429(t, { 'retry-after': '1' }, PAUSE_MS);
    assert.ok(elapsedMs >= 1_000 && elapsedMs < 3_000, `${elapsedMs} ms`);
  });

  test('a rate limit pauses requests no longer than maxRateLimitPauseMs', async (t) => {
    const elapsedMs = await collectAfter429(t, { 'retry-after': '3600' }, 500);
    assert.ok(elapsedMs >= 500 && elapsedMs < 3_000, `${elapsedMs} ms`);
  });

  for (const [what, headers, maxRateLimitPauseMs] of [
    ['without Retry-After', {}, PAUSE_MS],
    ['with a maxRateLimitPauseMs of 0', { 'retry-after': '3600' }, 0],
  ] as const) {
    test(`a rate limit ${what} pauses nothing`, async (t) => {
      const elapsedMs = await collectAfter429(t, headers, maxRateLimitPauseMs);
      assert.ok(elapsedMs < 1_000, `${elapsedMs} ms`);
    });
  }

  test('a rate limit does not shorten the pause of the one before', async (t) => {
    const rateLimit = (seconds: string) =>
      ({ kind: 'respond', status: 429, headers: { 'retry-after': seconds } }) as const;
    const gateway = await startTestGateway(t, {
      faults: [
        { operation: 'whoami', fault: rateLimit('3600') },
        { operation: 'get-runtime', fault: rateLimit('1') },
      ],
    });
    const client = createTestClient(t, gateway.url, { maxRateLimitPauseMs: PAUSE_MS });
    await Promise.allSettled([client.whoami(), client.getRuntime(gateway.runtimeId)]);
    const signal = AbortSignal.timeout(1_500);
    await assert.rejects(client.collectFile(gateway.runtimeId, { runtimePath: 'a' }, { signal }), {
      name: 'TimeoutError',
    });
    assert.equal(gateway.snapshot().requests.collect, undefined);
  });

  test('a rate limit leaves paused requests abortable, and closing the client ends them', async (t) => {
    const fault = { kind: 'respond', status: 429, headers: { 'retry-after': '3600' } } as const;
    const gateway = await startTestGateway(t, { faults: [{ operation: 'collect', fault }] });
    const client = createTestClient(t, gateway.url, { maxRateLimitPauseMs: PAUSE_MS });
    const collect = (options = {}) => client.collectFile(gateway.runtimeId, { runtimePath: 'a' }, options);
    await assert.rejects(collect());
    const abort = new AbortController();
    const aborted = assert.rejects(collect({ signal: abort.signal }), /enough/);
    const held = assert.rejects(collect(), { name: 'BctrlError' });
    abort.abort(new Error('enough'));
    await aborted;
    await client.close();
    await held;
    assert.equal(gateway.snapshot().requests.collect, 1);
  });
});

describe('the client against other servers', () => {
  const respondWith = (t: TestContext, status: number, body: string, headers = {}) =>
    startServer(t, (_request, response) => response.writeHead(status, headers).end(body));

  test('path segments are encoded, and a dot segment is refused before anything is sent', async (t) => {
    const paths: (string | undefined)[] = [];
    const url = await startServer(t, (request, response) => {
      paths.push(request.url);
      response.writeHead(404).end();
    });
    const client = createTestClient(t, url);
    await getError(client.getRuntime('a/b?c=d&é'));
    assert.deepEqual(paths, ['/v1/runtimes/a%2Fb%3Fc%3Dd%26%C3%A9']);
    for (const id of ['..', '.', '']) {
      const error = await getError(client.getRuntime(id));
      assert.deepEqual([error.reasonClass, error.mayHaveSucceeded], ['invalid_input', false]);
    }
    assert.equal(paths.length, 1);
  });

  test('a base URL may have a path of its own', async (t) => {
    let path: string | undefined;
    const url = await startServer(t, (request, response) => {
      path = request.url;
      response.writeHead(404).end();
    });
    await getError(createTestClient(t, `${url}/proxy/v1/`).whoami());
    assert.equal(path, '/proxy/v1/auth/whoami');
  });

  test('key and subaccount are sent as headers', async (t) => {
    let headers: NodeJS.Dict<string | string[]> = {};
    const url = await startServer(t, (request, response) => {
      headers = request.headers;
      response.writeHead(404).end();
    });
    await getError(createTestClient(t, url, { subaccountId: 'sub_1' }).whoami());
    assert.equal(headers['authorization'], `Bearer ${API_KEY}`);
    assert.equal(headers['bctrl-subaccount-id'], 'sub_1');
  });

  test('a redirect is not followed', async (t) => {
    let followed = false;
    const target = await startServer(t, (_request, response) => {
      followed = true;
      response.writeHead(404).end();
    });
    const url = await respondWith(t, 307, '', { location: target });
    const error = await getError(collect(createTestClient(t, url)));
    assert.deepEqual([error.status, error.reasonClass, followed], [307, 'server', false]);
  });

  test('a response of more than 16 MiB is given up', async (t) => {
    const url = await startServer(t, (_request, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(1024 * 1024, ' ');
      const write = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', write);
      write();
    });
    const error = await getError(collect(createTestClient(t, url)));
    assert.deepEqual([error.reasonClass, error.mayHaveSucceeded], ['server', true]);
  });

  test('a response whose body never ends is given up with the timeout', async (t) => {
    const url = await startServer(t, (_request, response) => {
      response.writeHead(200).write('{');
    });
    const error = await getError(collect(createTestClient(t, url, { requestTimeoutMs: 100 })));
    assert.equal(error.code, 'ETIMEDOUT');
  });

  for (const [what, body] of [
    ['empty', ''],
    ['not JSON', '<html>secret</html>'],
    ['cut off', '{"id":"secret'],
    ['null', 'null'],
    ['another object', '{"secret":1}'],
  ] as const) {
    test(`a 200 that is ${what} is not a File, and its body is not quoted`, async (t) => {
      const url = await respondWith(t, 200, body, { 'x-request-id': 'req_1' });
      const error = await getError(collect(createTestClient(t, url)));
      assert.deepEqual([error.reasonClass, error.code], ['server', 'response.invalid']);
      assert.deepEqual([error.mayHaveSucceeded, error.requestId], [true, 'req_1']);
      assert.doesNotMatch(`${error.stack} ${error.cause}`, /secret/);
    });
  }

  test('a body that is not an ErrorResponse is classified by its status', async (t) => {
    for (const body of ['<html>Bad Gateway</html>', '', '[]', 'null', '{"code":7,"reasonClass":"teapot"}']) {
      const url = await respondWith(t, 502, body, { 'x-bctrl-request-id': 'req_2' });
      const error = await getError(collect(createTestClient(t, url)));
      assert.deepEqual([error.reasonClass, error.code, error.requestId], ['upstream', undefined, 'req_2']);
      assert.match(error.message, / returned 502$/);
    }
  });

  test('an ErrorResponse without a class, or with other fields broken, keeps its code', async (t) => {
    const body = '{"code":"browser.busy","error":5,"hint":null,"details":[]}';
    const error = await getError(collect(createTestClient(t, await respondWith(t, 409, body))));
    assert.deepEqual([error.reasonClass, error.code], ['conflict', 'browser.busy']);
  });

  for (const [encoding, encode] of [
    ['gzip', gzipSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
  ] as const) {
    test(`an error that ${encoding} makes small is read up to 64 KB, and a larger one within a moment`, async (t) => {
      const respond = async (bytes: number) => {
        const start = '{"code":"a.b","details":{"a":"token=x';
        const body = encode(`${start}${'token=x,'.repeat((bytes - start.length - 3) / 8)}"}}`);
        const url = await startServer(t, (_, response) =>
          response.writeHead(422, { 'content-encoding': encoding }).end(body),
        );
        const startedMs = performance.now();
        const error = await getError(collect(createTestClient(t, url)));
        return { error, elapsedMs: performance.now() - startedMs };
      };
      assert.equal((await respond(60_000)).error.code, 'a.b');
      const { error, elapsedMs } = await respond(15_000_000);
      const { code, details, message } = error;
      assert.ok(elapsedMs < 2_000, `${elapsedMs} ms`);
      assert.deepEqual([code, details], [undefined, undefined]);
      assert.match(message, / returned 422$/);
    });
  }

  for (const [retryAfter, ms] of [
    ['7', 7_000],
    [new Date(1_700_000_042_000).toUTCString(), 42_000],
    ['soon', undefined],
  ] as const) {
    const date = new Date(1_700_000_000_000).toUTCString();
    test(`Retry-After: ${retryAfter} → ${ms}, by the clock of the server`, async (t) => {
      const url = await respondWith(t, 429, '{}', { 'retry-after': retryAfter, date });
      for (const now of [1_700_000_000_000, 1_700_003_600_000, 1_699_913_600_000]) {
        const client = createTestClient(t, url, { now: () => now });
        assert.equal((await getError(collect(client))).retryAfterMs, ms);
      }
    });

    test(`Retry-After: ${retryAfter} → ${ms}, by this clock if the server sends no Date`, async (t) => {
      const url = await startServer(t, (_request, response) => {
        response.sendDate = false;
        response.writeHead(429, { 'retry-after': retryAfter }).end('{}');
      });
      const client = createTestClient(t, url, { now: () => 1_700_000_000_000 });
      assert.equal((await getError(collect(client))).retryAfterMs, ms);
    });
  }

  const unsent: [what: string, url: string, code: RegExp][] = [
    ['a refused connection', 'http://127.0.0.1:9', /^ECONNREFUSED$/],
    ['a host that does not exist', 'http://bctrl.invalid', /^(ENOTFOUND|EAI_AGAIN)$/],
  ];
  for (const [what, url, code] of unsent) {
    test(`${what} is upstream, and the request cannot have succeeded`, async (t) => {
      const error = await getError(collect(createTestClient(t, url)));
      assert.equal(error.reasonClass, 'upstream');
      assert.match(error.code ?? '', code);
      assert.equal(error.mayHaveSucceeded, false);
    });
  }

  test('a TLS failure is upstream, and the request may have succeeded', async (t) => {
    const url = await respondWith(t, 200, '');
    const error = await getError(collect(createTestClient(t, url.replace('http:', 'https:'))));
    assert.deepEqual([error.reasonClass, error.mayHaveSucceeded], ['upstream', true]);
    assert.match(error.code ?? '', /SSL|TLS/);
  });

  test('close ends requests in flight', async (t) => {
    let asked = false;
    const url = await startServer(t, () => {
      asked = true;
    });
    const client = createTestClient(t, url);
    const error = getError(collect(client));
    await waitFor('the request', () => asked);
    await client.close();
    assert.equal((await error).reasonClass, 'upstream');
    await sleep(0);
  });
});

describe('a fault of this process is not an outage', () => {
  const base = { apiKey: 'key-1', baseUrl: 'http://127.0.0.1:9' };
  const secret = 'se cret';
  const wrong: [what: string, options: object, message: RegExp][] = [
    ['an empty key', { apiKey: '' }, /^apiKey must be/],
    ['no key', { apiKey: undefined }, /^apiKey must be/],
    ['a key with a line break', { apiKey: 'a\nb' }, /^apiKey must be/],
    ['a key with a space', { apiKey: secret }, /^apiKey must be/],
    ['an empty subaccount', { subaccountId: '' }, /^subaccountId must be/],
    ['a subaccount with a line break', { subaccountId: 'a\r\nx: y' }, /^subaccountId must be/],
    ['a base URL that is not a URL', { baseUrl: secret }, /^baseUrl must be/],
    ['a file URL', { baseUrl: 'file:///etc' }, /^baseUrl must be/],
    ['a base URL with a user', { baseUrl: 'https://se cret:pw@x' }, /^baseUrl must be .* without user/],
    ['a base URL with a query', { baseUrl: 'https://x?key=se cret' }, /^baseUrl must be .* without user/],
    ['a proxy URL that is not a URL', { proxyUrl: secret }, /^proxyUrl must be/],
    ['a proxy URL of another protocol', { proxyUrl: 'socks5://se cret@x' }, /^proxyUrl must be/],
    ['a proxy URL that is not encoded', { proxyUrl: 'http://se cret%zz@x' }, /^proxyUrl must be/],
    ['maxRequests 0', { maxRequests: 0 }, /^maxRequests must be/],
    ['maxRequests NaN', { maxRequests: Number.NaN }, /^maxRequests must be/],
    ['maxRequests 1.5', { maxRequests: 1.5 }, /^maxRequests must be/],
    ['maxRequests Infinity', { maxRequests: Number.POSITIVE_INFINITY }, /^maxRequests must be/],
    ['maxRequests as a text', { maxRequests: '8' }, /^maxRequests must be/],
    ['maxRateLimitPauseMs NaN', { maxRateLimitPauseMs: Number.NaN }, /^maxRateLimitPauseMs must be/],
    ['maxRateLimitPauseMs -1', { maxRateLimitPauseMs: -1 }, /^maxRateLimitPauseMs must be/],
    ['requestTimeoutMs 0', { requestTimeoutMs: 0 }, /^requestTimeoutMs must be/],
    ['requestTimeoutMs NaN', { requestTimeoutMs: Number.NaN }, /^requestTimeoutMs must be/],
  ];
  for (const [what, options, message] of wrong) {
    test(`${what} is refused by the constructor, and not quoted`, () => {
      assert.throws(
        () => new BctrlClient({ ...base, ...options }),
        (error) => {
          assert.ok(error instanceof TypeError);
          assert.match(error.message, message);
          assert.doesNotMatch(error.message, /se cret|\n/);
          return true;
        },
      );
    });
  }

  const cyclic: Record<string, unknown> = {};
  cyclic['self'] = cyclic;
  for (const [what, metadata] of [
    ['a bigint', { size: 1n }],
    ['a cycle', cyclic],
  ] as const) {
    test(`${what} in a body is refused when the call is made`, async (t) => {
      const client = createTestClient(t, base.baseUrl);
      const error = await getError(client.collectFile(RUNTIME, { runtimePath: 'a', metadata }));
      assert.deepEqual([error.reasonClass, error.mayHaveSucceeded], ['invalid_input', false]);
      assert.match(error.message, /cannot be sent: its body is not JSON/);
    });
  }

  test('an id that is not well-formed is refused when the call is made', async (t) => {
    const error = await getError(createTestClient(t, base.baseUrl).getRuntime('rt_\ud800'));
    assert.deepEqual([error.reasonClass, error.mayHaveSucceeded], ['invalid_input', false]);
    assert.ok(error.message.isWellFormed());
  });

  test('a header that HTTP cannot carry is refused when the call is made', async (t) => {
    const client = createTestClient(t, base.baseUrl);
    const error = await getError(client.exportRunFiles('run_1', {}, { idempotencyKey: 'a\nb' }));
    assert.deepEqual([error.reasonClass, error.mayHaveSucceeded], ['invalid_input', false]);
  });

  test('a hook that throws changes nothing', async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile('a.txt');
    const fail = () => {
      throw new Error('observer');
    };
    const hooks = { onRequest: fail, onResponse: fail, onRateLimitPause: fail };
    const client = createTestClient(t, gateway.url, { hooks });
    assert.ok((await client.collectFile(gateway.runtimeId, { runtimePath: 'a.txt' })).id);
  });

  test('a requestTimeoutMs that no timer supports does not end requests at once', async (t) => {
    const faults = [{ operation: 'whoami', fault: { kind: 'delay', delayMs: 50 } }] as const;
    const gateway = await startTestGateway(t, { faults });
    const client = createTestClient(t, gateway.url, { requestTimeoutMs: 25 * 24 * 3_600_000 });
    assert.ok(await client.whoami());
  });
});

test('apiTimeMs follows the Date of the last success', async (t) => {
  const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
  let status = 200;
  const url = await startServer(t, (_request, response) => {
    response.writeHead(status, { date: status === 200 ? date : 'Mon, 07 Nov 1994 08:49:37 GMT' });
    response.end(JSON.stringify({ keyId: 'key_1' }));
  });
  const client = createTestClient(t, url);
  assert.equal(client.apiTimeMs, undefined);
  await client.whoami();
  status = 503;
  await getError(client.whoami());
  const sinceMs = (client.apiTimeMs ?? 0) - Date.parse(date);
  assert.ok(sinceMs >= 0 && sinceMs < 5_000, `${sinceMs} ms`);
});
