import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import { createLogger } from '../../src/worker/create-logger.js';
import { createTestActivities, runAttempt } from '../support/activities.js';
import { createTestClient, startServer } from '../support/client.js';
import { getError } from '../support/get-error.js';
import { TestMeter } from '../support/meter.js';
import { assertNoSecret, findSecret, hostileTexts, SECRET_KEY, SIGNATURE } from '../support/secrets.js';

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Where an error response has texts. */
const places: Readonly<Record<string, (text: string) => Answer>> = {
  error: (error) => ({ body: { code: 'a.b', error } }),
  code: (code) => ({ body: { code, error: 'No.' } }),
  'hint and request id': (text) => ({ body: { error: 'No.', hint: text, requestId: text } }),
  details: (text) => ({ body: { error: 'No.', details: { path: text, [text]: [{ a: { b: text } }] } } }),
  'details that are JSON': (text) => ({ body: { error: 'No.', details: { a: JSON.stringify({ text }) } } }),
  'an error object': (message) => ({ body: { error: { code: message, message } } }),
  'a list of errors': (message) => ({ body: { errors: [message] } }),
  'a problem': (text) => ({ body: { title: text, detail: text } }),
  'a page of a proxy': (text) => ({
    status: 502,
    body: `<p>${text}</p>`,
    headers: { 'content-type': 'text/html' },
  }),
  'a refused key': (error) => ({ status: 401, body: { error } }),
  headers: (text) => ({
    body: '',
    headers: { 'x-request-id': text, 'content-type': text, server: text, 'retry-after': text },
  }),
};

/** Answers every request as the test says now. */
async function startHostileApi(t: TestContext) {
  let answer: Answer = { body: '' };
  const listener: RequestListener = (_, response) => {
    const { status = 422, headers = { 'content-type': 'application/json' }, body } = answer;
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  const url = await startServer(t, listener);
  const answerWith = (next: Answer) => {
    answer = next;
  };
  return { url, answerWith };
}

const isHeader = (text: string) => /^[\x20-\x7e]+$/.test(text);

describe('an error response that echoes the API key or a signed URL', () => {
  for (const [place, toAnswer] of Object.entries(places)) {
    test(`in ${place}: neither is in error, failure, log or metrics`, { timeout: 120_000 }, async (t) => {
      const { url, answerWith } = await startHostileApi(t);
      const client = createTestClient(t, url, { apiKey: SECRET_KEY });
      const activities = createTestActivities(t, url, { client: { apiKey: SECRET_KEY } });
      for (const text of hostileTexts.filter((each) => place !== 'headers' || isHeader(each))) {
        answerWith(toAnswer(text));
        const input = { runtimeId: 'rt_1', runtimePath: 'a.txt' };
        const error = await getError(client.collectFile('rt_1', { runtimePath: 'a.txt' }));
        const { failure, lines, meter } = await run(activities.collectRuntimeFile, input);
        assert.ok(lines.length >= 1);
        const errors = [error, { ...error }, JSON.stringify(error), failure, { ...failure }, failure.cause];
        assertNoSecret([errors, lines, meter], text);
      }
    });
  }
});

/** Runs an attempt that fails. Its log is as a worker writes it, with the SDK's line for the failure. */
async function run(activity: (...args: never[]) => Promise<unknown>, input: object) {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = createLogger({ format: 'json', level: 'debug' }, { write });
  const logger = new DefaultLogger('DEBUG', ({ level, message, meta }: LogEntry) => {
    log.log(level, message, meta);
  });
  const meter = new TestMeter();
  const env = new MockActivityEnvironment({}, { logger, metricMeter: meter });
  const failure = await env.run(activity as (input: object) => Promise<unknown>, input).then(
    () => assert.fail('it succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(failure instanceof ApplicationFailure, String(failure));
  logger.warn('Activity failed', { error: failure });
  return { failure, lines, meter };
}

test('a job that failed has neither in its error', async (t) => {
  const { url, answerWith } = await startHostileApi(t);
  const { waitForInvocation } = createTestActivities(t, url, { client: { apiKey: SECRET_KEY } });
  for (const text of hostileTexts) {
    for (const error of [{ code: text, message: text }, text]) {
      answerWith({ status: 200, body: { id: 'inv_1', status: 'failed', action: SECRET_KEY, error } });
      const { result } = await runAttempt(waitForInvocation, { runtimeId: 'rt_1', invocationId: 'inv_1' });
      assert.equal(result?.status, 'failed');
      assertNoSecret(result, text);
    }
  }
  const error = { code: 'key.wrong', message: `The key ${SECRET_KEY} is wrong.` };
  answerWith({ status: 200, body: { id: 'inv_1', status: 'failed', error } });
  const { result } = await runAttempt(waitForInvocation, { runtimeId: 'rt_1', invocationId: 'inv_1' });
  assert.deepEqual(result?.error, { code: 'key.wrong', message: 'The key [redacted] is wrong.' });
});

test('the files that a job names stay as they are, and one whose path holds the key is refused', async (t) => {
  const { url, answerWith } = await startHostileApi(t);
  const { waitForInvocation } = createTestActivities(t, url, { client: { apiKey: SECRET_KEY } });
  const paths = ['index.html?access_token=1', 'a=b&sig=c/token: d.txt', 'eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.x'];
  for (const [output, expected] of [
    [paths, paths],
    [{ path: paths, note: 'R\\u0026D' }, paths],
    [[`out/${SECRET_KEY}.txt`], undefined],
    [[`out/${toEscapes(SECRET_KEY)}.txt`], undefined],
  ]) {
    const body = JSON.stringify({ id: 'inv_1', status: 'succeeded', output }).replaceAll('\\\\u', '\\u');
    answerWith({ status: 200, body });
    const filesFromOutput = Array.isArray(output) ? '' : '/path';
    const input = { runtimeId: 'rt_1', invocationId: 'inv_1', filesFromOutput };
    const { result } = await runAttempt(waitForInvocation, input);
    assert.deepEqual(
      result?.files?.map(({ runtimePath }) => runtimePath),
      expected,
    );
    if (expected !== undefined) continue;
    assert.match(result?.outputProblem ?? '', /^its output names no files at "": \[0\]/);
    assertNoSecret(result, 'the result');
  }
});

test('the name of a field that a job should not have named is redacted', async (t) => {
  const { url, answerWith } = await startHostileApi(t);
  const { waitForInvocation } = createTestActivities(t, url, { client: { apiKey: SECRET_KEY } });
  const output = [{ runtimePath: 'a.txt', [`${SECRET_KEY.slice(0, 16)}!`]: 1 }];
  answerWith({ status: 200, body: { id: 'inv_1', status: 'succeeded', output } });
  const input = { runtimeId: 'rt_1', invocationId: 'inv_1', filesFromOutput: '' };
  const { result } = await runAttempt(waitForInvocation, input);
  assert.equal(
    result?.outputProblem,
    'its output names no files at "": [0]: Unrecognized key: "[redacted]!"',
  );
});

const toEscapes = (text: string) =>
  [...text].map((character) => `\\u00${character.charCodeAt(0).toString(16)}`).join('');

test('a file with a key in its fields is collected without the key, and without its download URL', async (t) => {
  const { url, answerWith } = await startHostileApi(t);
  const { collectRuntimeFile } = createTestActivities(t, url, { client: { apiKey: SECRET_KEY } });
  const file = {
    id: `file_${SECRET_KEY}`,
    path: `/${SECRET_KEY}`,
    name: `index.html?access_token=1 ${SECRET_KEY}`,
    downloadUrl: `https://s.example/?signature=${SIGNATURE}`,
  };
  answerWith({ status: 200, body: file });
  const input = { runtimeId: 'rt_1', runtimePath: 'a.txt' };
  const { result } = await runAttempt(collectRuntimeFile, input);
  assert.deepEqual([result?.id, result?.path, result?.name], ['file_[redacted]', undefined, undefined]);
  assertNoSecret(result, 'the result');
});

test('a response that is not HTTP is in no error, nor in its cause', async (t) => {
  for (const text of [
    `HTTP/1.1 200 OK\r\nset-cookie ${SECRET_KEY}\r\n\r\n`,
    `${SIGNATURE} ${SECRET_KEY}\r\n\r\n`,
  ]) {
    assert.notEqual(findSecret(text), undefined);
    const server = createServer((socket) => void socket.on('error', () => undefined).end(text));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const client = createTestClient(t, `http://127.0.0.1:${address.port}`, { apiKey: SECRET_KEY });
    const error = await getError(client.whoami());
    assert.equal(error.status, undefined);
    assert.ok(error.cause instanceof Error);
    assertNoSecret([error, error.stack, { ...error.cause }, error.cause.stack], text);
  }
});
