import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { FailureDetails } from '../../src/shared/failure-details.js';
import { type ReasonClass, reasonClasses, resolveReasonClass } from '../../src/shared/reason-class.js';
import { type RetryRule, retryTable } from '../../src/shared/retry-table.js';
import { createTestActivities, runAttempt } from '../support/activities.js';
import { startServer } from '../support/client.js';
import { API_KEY } from '../support/gateway.js';

const input = { runtimeId: 'rt_1', runtimePath: 'out/results.csv' };
const REQUEST_ID = 'req_header';
const RETRY_AFTER_SECONDS = 17;

/** Milliseconds until the second attempt, as the contract says; `null` for a final class. */
const firstDelayMs: Record<ReasonClass, number | null> = {
  invalid_input: null,
  unauthorized: null,
  capability_denied: null,
  not_found: null,
  conflict: 1_000,
  capability_limit_exceeded: 30_000,
  rate_limited: 1_000,
  upstream: 1_000,
  server: 1_000,
};

const statuses = [
  ...[302, 400, 401, 402, 403, 404, 405, 408, 409, 410, 422, 423, 429],
  ...[500, 501, 502, 503, 504, 520, 522, 530, 531, 598],
];

interface Body {
  readonly what: string;
  readonly text: string;
  /** The body's `reasonClass`, if it can be read. */
  readonly claimed?: unknown;
  readonly readable: boolean;
}

function errorResponse(reasonClass: unknown) {
  const fields = { code: 'test.code', error: 'Said so.', hint: 'Do this.', requestId: 'req_body' };
  return JSON.stringify({ ...fields, details: { field: 'x' }, reasonClass });
}

const bodies: Body[] = [
  ...reasonClasses.map((claimed) => ({
    what: `class ${claimed}`,
    text: errorResponse(claimed),
    claimed,
    readable: true,
  })),
  { what: 'no class', text: errorResponse(undefined), readable: true },
  { what: 'an unknown class', text: errorResponse('teapot'), claimed: 'teapot', readable: true },
  { what: 'HTML', text: '<html><h1>Bad Gateway</h1></html>', readable: false },
  { what: 'an empty body', text: '', readable: false },
  { what: 'a body that is cut off', text: errorResponse('upstream').slice(0, 30), readable: false },
  { what: 'a body of another shape', text: '["upstream"]', readable: false },
];

for (const status of statuses) {
  describe(`status ${status}`, () => {
    for (const { what, text, claimed, readable } of bodies) {
      const expected = resolveReasonClass(status, claimed);
      for (const retryAfter of [undefined, RETRY_AFTER_SECONDS]) {
        const title = `${status} with ${what}${retryAfter === undefined ? '' : ' and Retry-After'} → ${expected}`;
        test(title, async (t) => {
          const headers = {
            'x-request-id': REQUEST_ID,
            ...(retryAfter && { 'retry-after': String(retryAfter) }),
          };
          const url = await startServer(t, (_request, response) => {
            response.writeHead(status, headers).end(text);
          });
          const { failure } = await runAttempt(createTestActivities(t, url).collectRuntimeFile, input);
          assert.ok(failure);
          const delayMs = firstDelayMs[expected];
          const obeyed = retryAfter === undefined ? delayMs : retryAfter * 1_000;
          assert.equal(failure.type, expected);
          assert.equal(failure.nonRetryable, delayMs === null);
          assert.equal(failure.nextRetryDelay ?? null, delayMs === null ? null : obeyed);
          assert.equal(failure.category ?? null, delayMs === null ? null : 'BENIGN');
          const said = {
            code: 'test.code',
            requestId: 'req_body',
            hint: 'Do this.',
            details: { field: 'x' },
          };
          const isUnclear =
            status < 400 || status === 408 || status >= 500 || ['upstream', 'server'].includes(expected);
          const details = {
            reasonClass: expected,
            status,
            ...(readable ? said : { requestId: REQUEST_ID }),
            ...(isUnclear && { unverified: true }),
          };
          assert.deepEqual(failure.details, [details]);
          assert.match(
            failure.message,
            /^out\/results\.csv: POST \/v1\/runtimes\/rt_1\/files\/collect returned/,
          );
          assert.doesNotMatch(JSON.stringify(failure), new RegExp(`${API_KEY}|<html>`));
        });
      }
    }
  });
}

describe('the activity alone decides whether a failure is final', () => {
  const batch = { runtimeId: input.runtimeId, files: [{ runtimePath: input.runtimePath }] };
  const info = { scheduleToCloseTimeoutMs: 3_600_000 };

  async function failWith(t: TestContext, reasonClass: ReasonClass, override: Partial<RetryRule>) {
    const url = await startServer(t, (_request, response) => {
      response.writeHead(418).end(errorResponse(reasonClass));
    });
    const activities = createTestActivities(t, url, { retryTable: { [reasonClass]: override } });
    const single = await runAttempt(activities.collectRuntimeFile, input, info);
    return { single, batch: await runAttempt(activities.collectRuntimeFiles, batch, info) };
  }

  for (const reasonClass of reasonClasses) {
    test(`a ${reasonClass} that is overridden to be retryable is retried, alone and in a batch`, async (t) => {
      const { single, batch } = await failWith(t, reasonClass, { retryable: true, initialInterval: '3s' });
      for (const { failure } of [single, batch]) {
        assert.deepEqual(
          [failure?.type, failure?.nonRetryable, failure?.nextRetryDelay, failure?.category],
          [reasonClass, false, 3_000, 'BENIGN'],
        );
      }
    });

    test(`a ${reasonClass} that is overridden to be final is final, alone and in a batch`, async (t) => {
      const { single, batch } = await failWith(t, reasonClass, { retryable: false });
      const { failure } = single;
      assert.deepEqual(
        [failure?.type, failure?.nonRetryable, failure?.nextRetryDelay, failure?.category ?? undefined],
        [reasonClass, true, undefined, undefined],
      );
      assert.deepEqual(
        batch.result?.map((outcome) => outcome.outcome === 'failed' && outcome.reasonClass),
        [reasonClass],
      );
    });
  }

  test('a missing file within its appearsWithin is retried, alone and in a batch', async (t) => {
    const body = JSON.stringify({ code: 'file.not_found', error: 'Not here.', reasonClass: 'not_found' });
    const url = await startServer(t, (_request, response) => {
      response.writeHead(404).end(body);
    });
    const { collectRuntimeFile, collectRuntimeFiles } = createTestActivities(t, url);
    const file = { runtimePath: 'late.txt', appearsWithin: '30s' };
    const { runtimeId } = input;
    for (const attempted of [
      await runAttempt(collectRuntimeFile, { runtimeId, ...file }, info),
      await runAttempt(collectRuntimeFiles, { runtimeId, files: [file] }, info),
    ]) {
      const { failure } = attempted;
      assert.deepEqual(
        [failure?.type, failure?.nonRetryable, failure?.category],
        ['not_found', false, 'BENIGN'],
      );
    }
  });
});

test('the expectations cover every row of the table', () => {
  for (const reasonClass of reasonClasses) {
    assert.equal(retryTable[reasonClass].retryable, firstDelayMs[reasonClass] !== null);
  }
});

for (const [what, details] of [
  [
    'many fields',
    Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`field ${i} `.padEnd(50, 'x'), i])),
  ],
  ['long texts', { text: 'ü'.repeat(4_000), more: Array.from({ length: 10 }, () => '\u3042'.repeat(500)) }],
] as const) {
  test(`details with ${what} are replaced, and the rest is kept under 3 KB`, async (t) => {
    const long = '"'.repeat(3_000);
    const body = { code: long, error: long, hint: long, requestId: '\ud83d'.repeat(1_000), details };
    const url = await startServer(t, (_request, response) => {
      response.writeHead(400).end(JSON.stringify(body));
    });
    const { failure } = await runAttempt(createTestActivities(t, url).collectRuntimeFile, input);
    const kept = failure?.details?.[0] as FailureDetails;
    assert.deepEqual(kept.details, { truncated: true });
    assert.equal(kept.status, 400);
    assert.ok(Buffer.byteLength(JSON.stringify(kept)) < 3_000);
    assert.ok((failure?.message.length ?? 0) < 1_000);
  });
}

test('a fault of the program is a well-formed, retryable server failure', async (t) => {
  const url = await startServer(t, (_request, response) => response.writeHead(200).end('{"id":"file_1"}'));
  const { collectRuntimeFile } = createTestActivities(t, url, {
    client: {
      now: () => {
        throw new TypeError('a fault');
      },
    },
  });
  const { failure } = await runAttempt(collectRuntimeFile, input);
  assert.deepEqual([failure?.type, failure?.nonRetryable], ['server', false]);
  assert.match(failure?.message ?? '', /^out\/results\.csv: unexpected TypeError$/);
});
