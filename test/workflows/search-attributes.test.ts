import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TypedSearchAttributes } from '@temporalio/common';
import proto from '@temporalio/proto';
import { searchAttributes } from '../../src/shared/search-attributes.js';
import {
  env,
  execute,
  fetchEvents,
  type Handle,
  list,
  setUp,
  useTimeSkippingServer,
} from '../support/pipeline.js';

useTimeSkippingServer();

const { IndexedValueType } = proto.temporal.api.enums.v1;
const KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
const INT = IndexedValueType.INDEXED_VALUE_TYPE_INT;

async function getUpsertCount(handle: Handle): Promise<number> {
  return (await fetchEvents(handle)).filter((event) => event.upsertWorkflowSearchAttributesEventAttributes)
    .length;
}

test('a pipeline updates the search attributes that it was started with, once per phase', async (t) => {
  await env.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: {
      [searchAttributes.phase.name]: KEYWORD,
      [searchAttributes.runId.name]: KEYWORD,
      [searchAttributes.filesCollected.name]: INT,
    },
  });
  const { gateway, runtimeId, activities } = await setUp(t, { 'a.txt': 'hello', 'b.txt': 'hi' });
  const { id } = await gateway.createInvocation({ runtimeId, durationMs: 0 });
  const input = {
    runtimeId,
    waitFor: { invocationIds: [id] },
    files: list('a.txt', 'b.txt'),
    exportArchive: {},
  };
  const typedSearchAttributes = new TypedSearchAttributes([
    { key: searchAttributes.phase, value: 'waiting' },
    { key: searchAttributes.runId, value: '' },
    { key: searchAttributes.filesCollected, value: 0 },
  ]);
  await execute({ activities, options: { typedSearchAttributes } }, input, async (handle) => {
    const { runId } = (await handle.result()) as { runId: string };
    const { typedSearchAttributes: set } = await handle.describe();
    assert.equal(set.get(searchAttributes.phase), 'done');
    assert.equal(set.get(searchAttributes.filesCollected), 2);
    assert.equal(set.get(searchAttributes.runId), runId);
    assert.equal(set.get(searchAttributes.filesFailed), undefined);
    assert.equal(await getUpsertCount(handle), 3, 'collecting, finishing, done');
  });
});

test('a pipeline that was started without search attributes sets none', async (t) => {
  const { runtimeId, activities } = await setUp(t, { 'a.txt': 'hello' });
  await execute({ activities }, { runtimeId, files: list('a.txt') }, async (handle) => {
    await handle.result();
    assert.equal(await getUpsertCount(handle), 0);
  });
});
