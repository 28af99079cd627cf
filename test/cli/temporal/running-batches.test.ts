import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { defaultPayloadConverter, type PayloadCodec } from '@temporalio/common';
import { addRunningBatches } from '../../../src/cli/temporal/running-batches.js';
import type { Session } from '../../../src/cli/temporal/session.js';
import type { PipelineProgress } from '../../../src/shared/pipeline-report.js';

const progress: PipelineProgress = {
  phase: 'collecting',
  runtimeId: 'rt',
  jobs: [],
  counts: { files: 300, collected: 100, kept: 0, missing: 0, skipped: 0, failed: 1 },
  bytes: 1_000,
  files: [],
  warnings: [],
};

/** Reverses the bytes. */
const codec: PayloadCodec = {
  encode: async (payloads) =>
    payloads.map(({ data, ...rest }) => ({ ...rest, data: data?.toReversed() ?? null })),
  decode: (payloads) => codec.encode(payloads),
};

async function show(
  activities: readonly (readonly [type: string, details?: unknown])[],
  codecs: PayloadCodec[] = [],
) {
  const loadedDataConverter = { payloadConverter: defaultPayloadConverter, payloadCodecs: codecs };
  const session = { client: { options: { loadedDataConverter } } } as unknown as Session;
  const pendingActivities = activities.map(async ([name, details]) => {
    let payloads = details === undefined ? [] : [defaultPayloadConverter.toPayload(details)];
    for (const each of codecs) payloads = await each.encode(payloads);
    return { activityType: { name }, heartbeatDetails: { payloads } };
  });
  const raw = { pendingActivities: await Promise.all(pendingActivities) };
  return await addRunningBatches(session, progress, { raw } as unknown as WorkflowExecutionDescription);
}

const problem = { reasonClass: 'not_found', message: 'no' };
const batch = (...outcomes: readonly (object | undefined)[]) => {
  const files = outcomes.map((outcome) => ({ failures: {}, ...(outcome && { outcome }) }));
  return { attempt: 0, checkpoint: { files, consecutiveTrips: 0, lookupFailures: {}, lookupFromMs: 0 } };
};

test('files with an outcome in the heartbeats of running batches are added to the counts', async () => {
  const first = batch(
    { outcome: 'collected', fileId: '1', sizeBytes: 5 },
    { outcome: 'kept', sizeBytes: 7 },
    undefined,
  );
  const second = batch({ outcome: 'failed', ...problem, status: 403 }, { outcome: 'collected' });
  for (const codecs of [[], [codec], [codec, codec]]) {
    const { counts, bytes, step } = await show(
      [
        ['collectRuntimeFiles', first],
        ['collectRuntimeFiles', second],
        ['collectRuntimeFile', first],
      ],
      codecs,
    );
    assert.deepEqual(counts, { files: 300, collected: 102, kept: 1, missing: 0, skipped: 0, failed: 2 });
    assert.deepEqual([bytes, step], [1_005, undefined]);
  }
});

test('a missing file is not counted: only the pipeline knows whether it is a failure', async () => {
  const missing = { outcome: 'failed', ...problem, status: 404, code: 'file.not_found' };
  assert.deepEqual((await show([['collectRuntimeFiles', batch(missing)]])).counts, progress.counts);
});

test('details that cannot be read, and activities that have sent none, count nothing', async () => {
  for (const details of [undefined, null, 'x', { attempt: 1 }, { attempt: 1, checkpoint: { files: 'x' } }]) {
    assert.deepEqual((await show([['collectRuntimeFiles', details]])).counts, progress.counts);
  }
});

test('the last lookup has a name of its own', async () => {
  assert.equal((await show([['verifyCollectedFiles']])).step, 'checking for duplicates');
});
