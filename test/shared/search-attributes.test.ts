import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visibilityQuery } from '../../src/shared/search-attributes.js';

test('each field of a filter is a condition of the query', () => {
  assert.equal(visibilityQuery({}), "WorkflowType = 'postRunPipeline'");
  assert.equal(
    visibilityQuery({ phase: 'held', runtimeId: 'rt', failed: true, running: true }),
    "WorkflowType = 'postRunPipeline' AND BctrlPhase = 'held' AND BctrlRuntimeId = 'rt' AND (ExecutionStatus IN ('Failed', 'TimedOut') OR BctrlFilesFailed > 0) AND ExecutionStatus = 'Running'",
  );
  assert.equal(
    visibilityQuery({ failedSince: new Date(0) }),
    "WorkflowType = 'postRunPipeline' AND ExecutionStatus IN ('Failed', 'TimedOut') AND CloseTime >= '1970-01-01T00:00:00.000Z'",
  );
});

for (const [runtimeId, quoted] of [
  ["it's", "'it''s'"],
  ['a\\', "'a\\\\'"],
  ["\\' OR WorkflowType = 'other' -- ", "'\\\\'' OR WorkflowType = ''other'' -- '"],
] as const) {
  test(`the runtime id ${runtimeId} is quoted as one value`, () => {
    assert.equal(
      visibilityQuery({ runtimeId }),
      `WorkflowType = 'postRunPipeline' AND BctrlRuntimeId = ${quoted}`,
    );
  });
}
