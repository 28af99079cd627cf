import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Fault, FaultRule } from '../../src/testing.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';

/** The status of the response, or the error code of the connection. */
async function toOutcome(response: Promise<{ status: number }>): Promise<number | string> {
  try {
    return (await response).status;
  } catch (error) {
    const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined;
    return cause?.code ?? 'closed';
  }
}

async function collectMany(gateway: TestGateway, count: number): Promise<(number | string)[]> {
  const outcomes = [];
  for (let index = 0; index < count; index += 1) {
    await gateway.addFile(`f${index}`);
    outcomes.push(await toOutcome(gateway.collect({ runtimePath: `f${index}` })));
  }
  return outcomes;
}

/** All collects meet the fault; the runtime has the file `a`. */
async function startWithFault(t: TestContext, fault: Fault): Promise<TestGateway> {
  const gateway = await startTestGateway(t, { faults: [{ operation: 'collect', fault }] });
  await gateway.addFile('a');
  return gateway;
}

const busy: FaultRule = { operation: 'collect', fault: { kind: 'respond', status: 429 } };

test('respond: the request is not handled, and the response is the one of the rule', async (t) => {
  const body = {
    code: 'billing.insufficient_credits',
    error: 'No.',
    reasonClass: 'capability_limit_exceeded',
  };
  const headers = { 'retry-after': '7', 'x-bctrl-request-id': 'r1' };
  const gateway = await startWithFault(t, { kind: 'respond', status: 403, body, headers });
  const response = await gateway.collect({ runtimePath: 'a' });
  assert.deepEqual([response.status, response.body], [403, body]);
  assert.equal(response.headers.get('retry-after'), '7');
  assert.equal(response.headers.get('x-bctrl-request-id'), 'r1');
  assert.ok(response.headers.get('x-request-id')?.startsWith('req_'));
  assert.deepEqual(gateway.snapshot().files, []);
  assert.deepEqual(gateway.snapshot().faults, { respond: 1 });
});

test('respond: a string body is sent as it is, with the content type of the rule', async (t) => {
  const page = '<html>Bad gateway</html>';
  const gateway = await startWithFault(t, {
    kind: 'respond',
    status: 502,
    body: page,
    contentType: 'text/html',
  });
  const { status, headers, body } = await gateway.collect({ runtimePath: 'a' });
  assert.deepEqual([status, headers.get('content-type'), body], [502, 'text/html', page]);
});

const standardErrors: [status: number, code: string, reasonClass: string][] = [
  [400, 'request.invalid', 'invalid_input'],
  [401, 'auth.required', 'unauthorized'],
  [403, 'auth.forbidden', 'capability_denied'],
  [404, 'route.not_found', 'not_found'],
  [409, 'request.conflict', 'conflict'],
  [429, 'rate_limited', 'rate_limited'],
  [500, 'server.error', 'server'],
  [503, 'storage.unavailable', 'upstream'],
];

for (const [status, code, reasonClass] of standardErrors) {
  test(`respond: ${status} without a body is the API's ${code}`, async (t) => {
    const gateway = await startWithFault(t, { kind: 'respond', status });
    const { body, headers } = await gateway.collect({ runtimePath: 'a' });
    assert.deepEqual([body.code, body.reasonClass], [code, reasonClass]);
    assert.equal(body.requestId, headers.get('x-request-id'));
  });
}

for (const status of [204, 304, 418, 502]) {
  test(`respond: ${status} without a body is an empty response`, async (t) => {
    const gateway = await startWithFault(t, { kind: 'respond', status });
    const response = await gateway.collect({ runtimePath: 'a' });
    assert.deepEqual([response.status, response.body], [status, '']);
  });
}

test('delay: the file is committed late, although the client has left', { timeout: 10_000 }, async (t) => {
  const gateway = await startWithFault(t, { kind: 'delay', delayMs: 300 });
  const signal = AbortSignal.timeout(100);
  const path = `/v1/runtimes/${gateway.runtimeId}/files/collect`;
  await assert.rejects(gateway.call('POST', path, { body: { runtimePath: 'a' }, signal }), {
    name: 'TimeoutError',
  });
  assert.equal(gateway.snapshot().files.length, 0);
  await waitFor('the request to end', () => gateway.snapshot().inFlight === 0);
  assert.equal(gateway.snapshot().files.length, 1);
});

test('delay: a client that waits gets its response', async (t) => {
  const gateway = await startWithFault(t, { kind: 'delay', delayMs: 100 });
  const startedAt = performance.now();
  assert.equal((await gateway.collect({ runtimePath: 'a' })).status, 200);
  assert.ok(performance.now() - startedAt >= 95);
});

test('delay: closing the gateway ends the delay, and nothing is committed', {
  timeout: 10_000,
}, async (t) => {
  const gateway = await startWithFault(t, { kind: 'delay', delayMs: 3_600_000 });
  const lost = toOutcome(gateway.collect({ runtimePath: 'a' }));
  await waitFor('the delayed request', () => gateway.snapshot().faults.delay === 1);
  await gateway.close();
  assert.equal(typeof (await lost), 'string');
  assert.equal(gateway.snapshot().files.length, 0);
});

test('reset: the connection is reset and nothing is committed', async (t) => {
  const gateway = await startWithFault(t, { kind: 'reset' });
  assert.deepEqual(await collectMany(gateway, 2), ['ECONNRESET', 'ECONNRESET']);
  assert.deepEqual(gateway.snapshot().files, []);
  assert.deepEqual(gateway.snapshot().responses, {});
});

test('drop-response: the file is committed and the connection closes without a response', async (t) => {
  const gateway = await startWithFault(t, { kind: 'drop-response' });
  assert.equal(await toOutcome(gateway.collect({ runtimePath: 'a' })), 'UND_ERR_SOCKET');
  assert.equal(gateway.snapshot().files.length, 1);
  assert.deepEqual(gateway.snapshot().responses, {});
});

test('malformed-response: the file is committed and the response is an HTML page', async (t) => {
  const gateway = await startWithFault(t, { kind: 'malformed-response' });
  const { status, headers, body } = await gateway.collect({ runtimePath: 'a' });
  assert.deepEqual([status, headers.get('content-type')], [200, 'text/html']);
  assert.match(body, /^<!doctype html>/);
  assert.equal(gateway.snapshot().files.length, 1);
});

test('truncated-response: the file is committed; the headers and half of the body arrive', async (t) => {
  const gateway = await startWithFault(t, { kind: 'truncated-response' });
  const response = await fetch(`${gateway.url}/v1/runtimes/${gateway.runtimeId}/files/collect`, {
    method: 'POST',
    headers: { authorization: 'Bearer local-development-key', 'content-type': 'application/json' },
    body: '{"runtimePath":"a"}',
  });
  assert.equal(response.status, 200);
  let received = '';
  await assert.rejects(async () => {
    for await (const chunk of response.body ?? []) received += Buffer.from(chunk);
  });
  assert.match(received, /^\{"id":/);
  assert.equal(received.length, Math.floor(Number(response.headers.get('content-length')) / 2));
  assert.equal(gateway.snapshot().files.length, 1);
});

test('truncated-response: closing the gateway does not wait for a connection that cannot take it', {
  timeout: 10_000,
}, async (t) => {
  const gateway = await startWithFault(t, { kind: 'truncated-response' });
  gateway.setFaults([
    { operation: 'whoami', fault: { kind: 'delay', delayMs: 3_600_000 } },
    { operation: 'collect', fault: { kind: 'truncated-response' } },
  ]);
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  t.after(() => socket.destroy());
  const head = 'HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer local-development-key\r\n';
  const body = '{"runtimePath":"a"}';
  // The second response is not written before the first.
  socket.write(`GET /v1/auth/whoami ${head}\r\n`);
  socket.write(`POST /v1/runtimes/${gateway.runtimeId}/files/collect ${head}`);
  socket.write(`content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  await waitFor('the file', () => gateway.snapshot().files.length === 1);
  await gateway.close();
});

test('after each kind of fault the gateway serves the next requests as usual', async (t) => {
  const kinds = ['reset', 'drop-response', 'malformed-response', 'truncated-response'] as const;
  const faults = kinds.map((kind): FaultRule => ({ operation: 'collect', times: 1, fault: { kind } }));
  const gateway = await startTestGateway(t, { faults });
  const outcomes = await collectMany(gateway, 6);
  assert.deepEqual(outcomes.slice(4), [200, 200]);
  assert.deepEqual(
    gateway.snapshot().files.map(({ runtimePath }) => runtimePath),
    ['f1', 'f2', 'f3', 'f4', 'f5'],
  );
});

test('skip and times limit the requests that a rule hits', async (t) => {
  const gateway = await startTestGateway(t, { faults: [{ ...busy, skip: 1, times: 2 }] });
  assert.deepEqual(await collectMany(gateway, 5), [200, 429, 429, 200, 200]);
});

test('a rule with times 0 hits nothing', async (t) => {
  const gateway = await startTestGateway(t, { faults: [{ ...busy, times: 0 }] });
  assert.deepEqual(await collectMany(gateway, 1), [200]);
});

test('a rule with a runtimePath hits only collects of this path', async (t) => {
  const gateway = await startTestGateway(t, { faults: [{ ...busy, runtimePath: 'f1' }] });
  assert.deepEqual(await collectMany(gateway, 3), [200, 429, 200]);
});

test('a rule with an operation does not hit other operations', async (t) => {
  const gateway = await startTestGateway(t, {
    faults: [{ operation: 'list-files', fault: { kind: 'respond', status: 503 } }],
  });
  assert.deepEqual(await collectMany(gateway, 1), [200]);
  assert.equal((await gateway.call('GET', '/v1/files')).status, 503);
  assert.equal((await gateway.call('GET', '/v1/auth/whoami')).status, 200);
});

test('of several rules, the first that hits decides', async (t) => {
  const faults: FaultRule[] = [
    { ...busy, times: 1 },
    { operation: '*', times: 1, fault: { kind: 'respond', status: 503 } },
  ];
  const gateway = await startTestGateway(t, { faults });
  assert.deepEqual(await collectMany(gateway, 3), [429, 503, 200]);
});

test('a rule with a share hits about this share, and the same requests for the same seed', async (t) => {
  const faults = [{ ...busy, share: 0.3 }];
  const outcomes = [];
  for (const seed of [7, 7, 8]) {
    const gateway = await startTestGateway(t, { faults, seed });
    outcomes.push(await collectMany(gateway, 200));
  }
  const [first = [], again, other] = outcomes;
  assert.deepEqual(first, again);
  assert.notDeepEqual(first, other);
  const hits = first.filter((status) => status === 429).length;
  assert.ok(hits > 40 && hits < 80, `${hits} of 200`);
});

test('a rule with share 0 hits nothing, and with share 1 everything', async (t) => {
  const gateway = await startTestGateway(t, { faults: [{ ...busy, share: 0 }] });
  assert.deepEqual(await collectMany(gateway, 3), [200, 200, 200]);
  gateway.setFaults([{ ...busy, share: 1 }]);
  assert.deepEqual(await collectMany(gateway, 3), [429, 429, 429]);
});

test('new rules count from zero, and an empty list ends the faults', async (t) => {
  const gateway = await startTestGateway(t, { faults: [{ ...busy, times: 1 }] });
  assert.deepEqual(await collectMany(gateway, 1), [429]);
  gateway.setFaults([{ ...busy, times: 1 }]);
  assert.deepEqual(await collectMany(gateway, 2), [429, 200]);
  gateway.setFaults([{ ...busy }]);
  gateway.setFaults([]);
  await gateway.addFile('x');
  assert.equal((await gateway.collect({ runtimePath: 'x' })).status, 200);
});

test('a request without a valid API key meets no fault and is not counted by a rule', async (t) => {
  const gateway = await startTestGateway(t, {
    faults: [{ operation: '*', times: 1, fault: { kind: 'reset' } }],
  });
  const headers = { authorization: 'Bearer wrong' };
  assert.equal((await gateway.call('GET', '/v1/files', { headers })).status, 401);
  assert.equal(await toOutcome(gateway.call('GET', '/v1/files')), 'ECONNRESET');
});
