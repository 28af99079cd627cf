import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CountedEvent, countActions } from '../../scripts/bench/pipelines/count-actions.js';
import { parseActionCounters } from '../../scripts/bench/pipelines/parse-action-counters.js';

const event = (kind: string, more: Partial<CountedEvent> = {}): CountedEvent => ({
  kind,
  workflowTaskCompletedEventId: undefined,
  ...more,
});

describe('countActions', () => {
  it('counts the start and an activity, and not the tasks, results and ends', () => {
    const history = [
      event('workflowExecutionStarted'),
      event('workflowTaskScheduled'),
      event('workflowTaskStarted'),
      event('workflowTaskCompleted'),
      event('activityTaskScheduled'),
      event('activityTaskStarted', { attempt: 1 }),
      event('activityTaskCompleted'),
      event('workflowExecutionCompleted'),
    ];
    assert.equal(countActions(history), 2);
  });

  it('counts each attempt of an activity', () => {
    const history = [event('activityTaskScheduled'), event('activityTaskStarted', { attempt: 4 })];
    assert.equal(countActions(history), 4);
    assert.equal(
      countActions([event('activityTaskScheduled')]),
      1,
      'one that was cancelled before its start',
    );
  });

  it('counts the start of each run of a workflow that continued as new', () => {
    const history = [
      event('workflowExecutionStarted'),
      event('workflowExecutionContinuedAsNew'),
      event('workflowExecutionStarted'),
    ];
    assert.equal(countActions(history), 2);
  });

  it('counts the markers of one workflow task once', () => {
    const marker = (workflowTaskCompletedEventId: string) =>
      event('markerRecorded', { workflowTaskCompletedEventId });
    assert.equal(countActions([marker('4'), marker('4'), marker('9')]), 2);
  });

  const billed = {
    timerStarted: 1,
    workflowExecutionSignaled: 1,
    signalExternalWorkflowExecutionInitiated: 1,
    workflowExecutionUpdateAccepted: 1,
    upsertWorkflowSearchAttributes: 1,
    workflowPropertiesModified: 1,
    workflowExecutionOptionsUpdated: 1,
    startChildWorkflowExecutionInitiated: 2,
    nexusOperationScheduled: 1,
    nexusOperationCancelRequested: 1,
    timerFired: 0,
    workflowExecutionUpdateCompleted: 0,
    childWorkflowExecutionStarted: 0,
  };
  for (const [kind, actions] of Object.entries(billed)) {
    it(`${kind}: ${actions}`, () => assert.equal(countActions([event(kind)]), actions));
  }
});

describe('parseActionCounters', () => {
  it('adds up what was counted in the namespace, and tells the heartbeats', () => {
    const metrics = [
      '# TYPE action counter',
      'action{action_type="grpc_StartWorkflowExecution",namespace="default",operation="StartWorkflowExecution"} 2',
      'action{action_type="grpc_StartWorkflowExecution",namespace="temporal_system",operation="x"} 40',
      'action{action_type="grpc_RecordActivityTaskHeartbeat",namespace="default",operation="x"} 3',
      'action{action_type="command_ScheduleActivityTask",namespace="default",operation="x"} 1.5e+03',
      'queue_actions{namespace="default"} 7',
    ].join('\n');
    assert.deepEqual(parseActionCounters(metrics), { all: 1_505, heartbeats: 3 });
  });

  it('is nothing before the first Action', () => {
    assert.deepEqual(parseActionCounters(''), { all: 0, heartbeats: 0 });
  });
});
