import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BctrlActivities, createActivities } from '../../src/activities/create-activities.js';
import type { BctrlClient } from '../../src/bctrl/bctrl-client.js';
import { runAttempt } from '../support/activities.js';
import { createTestClient } from '../support/client.js';
import { startTestGateway } from '../support/gateway.js';

const runtimeId = 'rt_1';

/** An input of every activity. */
const inputs: Record<keyof BctrlActivities, object> = {
  collectRuntimeFile: { runtimeId, runtimePath: 'a.txt' },
  collectRuntimeFiles: { runtimeId, files: [{ runtimePath: 'a.txt' }] },
  exportRunFiles: { runId: 'run_1', idempotencyKey: 'key' },
  getActiveRun: { runtimeId },
  stopRuntime: { runtimeId },
  verifyCollectedFiles: { runtimeId, collectionKey: 'key', collected: [], failed: [] },
  waitForInvocation: { runtimeId, invocationId: 'inv_1' },
};

type Activity = (...args: never[]) => Promise<unknown>;

/** Runs each activity with its input and `account`; all have to fail in the same way. */
function refuses(
  title: string,
  createClients: (client: BctrlClient) => Parameters<typeof createActivities>[0],
  account: string | undefined,
  message: string,
): void {
  describe(title, () => {
    for (const [name, input] of Object.entries(inputs)) {
      test(`${name} fails with invalid_input, is not retried, and sends no request`, async (t) => {
        let requests = 0;
        const server = createTestClient(t, 'http://127.0.0.1:9', {
          hooks: {
            onRequest() {
              requests += 1;
            },
            onResponse() {},
            onRateLimitPause() {},
          },
        });
        const activities: Record<string, Activity> = { ...createActivities(createClients(server)) };
        const activity = activities[name];
        assert.ok(activity);
        const { failure } = await runAttempt(activity, { ...input, account });
        assert.deepEqual([failure?.type, failure?.nonRetryable], ['invalid_input', true]);
        assert.deepEqual(failure?.details, [{ reasonClass: 'invalid_input' }]);
        assert.equal(failure?.message, message);
        assert.equal(requests, 0);
      });
    }
  });
}

refuses(
  'with an account that the worker does not have,',
  (client) => ({ clients: { default: client, eu: client } }),
  'us',
  'account: the worker has no client "us"; it has "default", "eu"',
);

refuses(
  'with the name of a property of every object,',
  (client) => ({ clients: { default: client } }),
  'constructor',
  'account: the worker has no client "constructor"; it has "default"',
);

refuses(
  'without an account, where none is the default,',
  (client) => ({ clients: { eu: client, us: client } }),
  undefined,
  'account: is missing, and the worker has no client "default"; it has "eu", "us"',
);

refuses(
  'with an account, where there is a single client,',
  (client) => ({ client }),
  'default',
  'account: the worker has a single client, without a name; leave account out, or use clients',
);

test('a failure names at most ten accounts', async (t) => {
  const client = createTestClient(t, 'http://127.0.0.1:9');
  const clients = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`a${index}`, client]));
  const { getActiveRun } = createActivities({ clients });
  const { failure } = await runAttempt(getActiveRun, { runtimeId, account: 'x'.repeat(500) });
  assert.match(String(failure?.message), /; it has "a0", .*, "a9" and 2 more$/);
  assert.ok(String(failure?.message).length < 300);
});

describe('each account has', () => {
  const once = { operation: 'collect', times: 1 } as const;

  test('the client of its name; an input without a name that of "default"', async (t) => {
    const [eu, other] = [await startTestGateway(t, { apiKeys: ['eu-key'] }), await startTestGateway(t)];
    const clients = {
      eu: createTestClient(t, eu.url, { apiKey: 'eu-key' }),
      default: createTestClient(t, other.url),
    };
    const { collectRuntimeFile } = createActivities({ clients });
    for (const [gateway, account] of [
      [eu, { account: 'eu' }],
      [other, {}],
    ] as const) {
      await gateway.addFile('a.txt');
      const { runtimeId } = gateway;
      const { result } = await runAttempt(collectRuntimeFile, {
        runtimeId,
        runtimePath: 'a.txt',
        ...account,
      });
      assert.equal(result?.id, gateway.snapshot().files[0]?.id);
    }
  });

  test('its own watermark: the clock of another API moves no lookup', async (t) => {
    // Further ahead it would count as a fault.
    const AHEAD_MS = 5 * 60_000;
    const [ahead, gateway] = [
      await startTestGateway(t, { now: () => Date.now() + AHEAD_MS }),
      // Only a lookup prevents a second file.
      await startTestGateway(t, {
        onPathExists: 'keep-both',
        faults: [{ ...once, fault: { kind: 'drop-response' } }],
      }),
    ];
    const clients = { ahead: createTestClient(t, ahead.url), here: createTestClient(t, gateway.url) };
    const { collectRuntimeFile } = createActivities({ clients, listSettleTime: 0 });
    await ahead.addFile('a.txt');
    await gateway.addFile('a.txt');
    const other = { account: 'ahead', runtimeId: ahead.runtimeId, runtimePath: 'a.txt' };
    assert.ok((await runAttempt(collectRuntimeFile, other)).result);
    const input = {
      account: 'here',
      runtimeId: gateway.runtimeId,
      runtimePath: 'a.txt',
      collectionKey: 'key',
    };
    const { heartbeatDetails } = await runAttempt(collectRuntimeFile, input);
    const { result } = await runAttempt(collectRuntimeFile, input, { attempt: 2, heartbeatDetails });
    assert.deepEqual(
      [result?.id],
      gateway.snapshot().files.map(({ id }) => id),
    );
  });
});
