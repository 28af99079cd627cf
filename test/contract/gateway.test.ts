import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import type { Fault } from '../../src/testing.js';
import { type ApiResponse, startTestGateway, type TestGateway } from '../support/gateway.js';
import {
  createSchemaValidator,
  createValidator,
  describeErrors,
  requestBody,
  responses,
} from './contract.js';

const judgeRequest = createValidator(requestBody);
const isValidFile = createSchemaValidator('File');
const produced = new Set<string>();

/** Validates a response by the schema that the contract has for its status. */
function assertContract({ status, headers, body }: ApiResponse): void {
  const response = responses[status];
  assert.ok(response, `${status} is documented`);
  assert.equal(headers.get('content-type'), 'application/json');
  const judge = createValidator(response);
  assert.ok(judge(body), describeErrors(judge));
  produced.add(String(status));
}

test('a collect with every field returns a File', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('output/results.csv');
  assertContract(
    await gateway.collect({
      runtimePath: '/workspace/output/results.csv',
      destinationPath: '/a/results.csv',
      name: 'results',
      type: 'report',
      metadata: { nested: { list: [1, null] } },
    }),
  );
});

test('a collect with only a path returns a File', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('empty', '');
  assertContract(await gateway.collect({ runtimePath: 'empty' }));
});

test('the listing, a file by id and an export return Files', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  const { body: file } = await gateway.collect({ runtimePath: 'a' });
  const { body: exported } = await gateway.call('POST', `/v1/runs/${file.runId}/files/export`);
  const { body: listed } = await gateway.call('GET', '/v1/files');
  const { body: read } = await gateway.call('GET', `/v1/files/${exported.id}`);
  assert.equal(listed.data.length, 2);
  for (const each of [exported, read, ...listed.data])
    assert.ok(isValidFile(each), describeErrors(isValidFile));
});

const refusals: [fact: string, status: number, send: (gateway: TestGateway) => Promise<ApiResponse>][] = [
  ['a wrong body', 400, (gateway) => gateway.collect({})],
  ['a path outside of the workspace', 400, (gateway) => gateway.collect({ runtimePath: '/etc/passwd' })],
  ['a wrong destination', 400, (gateway) => gateway.collect({ runtimePath: 'a', destinationPath: '/../b' })],
  ['no API key', 401, (gateway) => collectAs(gateway, { authorization: '' })],
  ['a wrong API key', 401, (gateway) => collectAs(gateway, { authorization: 'Bearer wrong' })],
  ['the path of a missing file', 404, (gateway) => gateway.collect({ runtimePath: 'b' })],
  ['an unknown runtime', 404, (gateway) => collectFrom(gateway, randomUUID())],
  ['a storage that cannot be written', 503, collectWithoutStorage],
];

for (const [fact, status, send] of refusals) {
  test(`a collect with ${fact} → the documented ${status}`, async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile('a');
    const response = await send(gateway);
    assert.equal(response.status, status);
    assertContract(response);
  });
}

for (const status of Object.keys(responses)
  .map(Number)
  .filter((status) => status >= 400)) {
  test(`an injected ${status} → the documented ${status}`, async (t) => {
    assertContract(await collectWithFault(t, { kind: 'respond', status }));
  });
}

test('a conflict, which the document leaves out, is an ErrorResponse', async (t) => {
  const judge = createSchemaValidator('ErrorResponse');
  const gateway = await startTestGateway(t);
  await gateway.addFile('a');
  await gateway.collect({ runtimePath: 'a' });
  const exists = await gateway.collect({ runtimePath: 'a' });
  await gateway.call('POST', `/v1/runtimes/${gateway.runtimeId}/stop`);
  const stopped = await gateway.collect({ runtimePath: 'a' });
  for (const { status, body } of [exists, stopped]) {
    assert.equal(status, 409);
    assert.ok(judge(body), describeErrors(judge));
  }
});

const bodies: unknown[] = [
  { runtimePath: 'a' },
  { runtimePath: 'a', destinationPath: '/b', name: 'n', type: 't', metadata: {} },
  { runtimePath: 'a', name: '', type: '' },
  { runtimePath: 'a', metadata: { any: [{ thing: null }] } },
  { runtimePath: 'a', unknown: true },
  {},
  [],
  null,
  'a',
  { runtimePath: null },
  { runtimePath: 1 },
  { runtimePath: ['a'] },
  ...['destinationPath', 'name', 'type'].flatMap((field) =>
    [null, 1, true, {}, []].map((value) => ({ runtimePath: 'a', [field]: value })),
  ),
  ...[null, 1, 'x', []].map((metadata) => ({ runtimePath: 'a', metadata })),
];

for (const body of bodies) {
  const verdict = judgeRequest(body) ? 'accepted' : 'refused';
  test(`a collect with body ${JSON.stringify(body)} is ${verdict}, as in the contract`, async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile('a');
    const { status } = await gateway.collect(JSON.stringify(body));
    assert.equal(status, verdict === 'accepted' ? 200 : 400);
  });
}

after(() => assert.deepEqual([...produced].sort(), Object.keys(responses).sort()));

function collectAs({ call, runtimeId }: TestGateway, headers: Record<string, string>): Promise<ApiResponse> {
  return call('POST', `/v1/runtimes/${runtimeId}/files/collect`, { body: { runtimePath: 'a' }, headers });
}

function collectFrom({ call }: TestGateway, runtimeId: string): Promise<ApiResponse> {
  return call('POST', `/v1/runtimes/${runtimeId}/files/collect`, { body: { runtimePath: 'a' } });
}

async function collectWithoutStorage(gateway: TestGateway): Promise<ApiResponse> {
  await rm(join(gateway.storageDir, 'tmp'), { recursive: true });
  return gateway.collect({ runtimePath: 'a' });
}

async function collectWithFault(t: TestContext, fault: Fault): Promise<ApiResponse> {
  const gateway = await startTestGateway(t, { faults: [{ operation: 'collect', fault }] });
  return gateway.collect({ runtimePath: 'a' });
}
