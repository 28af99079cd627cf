import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import type { BctrlActivities } from '../../src/activities/create-activities.js';
import {
  ABANDON_UPDATE,
  ADD_FILES_UPDATE,
  JOB_FINISHED_SIGNAL,
  RESUME_UPDATE,
} from '../../src/shared/names.js';
import type { PipelinePhase } from '../../src/shared/pipeline-report.js';
import * as workflows from '../../src/workflows/index.js';
import { workflowBundle } from '../support/temporal.js';
import { type HistoryEvent, readHistories, replay } from './recorded-histories.js';

Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
});
const histories = await readHistories();

describe('the recorded histories', () => {
  test('replay on the workflows', async () => {
    assert.deepEqual(await replay(workflowBundle()), new Map());
  });

  test('fail to replay, by name, if two steps of the finish change places', async () => {
    const code = await readFile(workflowBundle().codePath, 'utf8');
    const changed = code.replace(
      /(await exportArchive\(pipeline\);)(\s*)(await stopRuntime\(pipeline\);)/,
      '$3$2$1',
    );
    assert.ok(changed !== code, 'it was changed');
    const failures = await replay({ code: changed });
    // Of all the recorded pipelines, only this one makes an archive and stops its runtime.
    assert.deepEqual([...failures.keys()], ['0.1.0/succeeded.json']);
    const error = failures.get('0.1.0/succeeded.json');
    assert.ok(error instanceof DeterminismViolationError, String(error));
    assert.match(error.message, /exportRunFiles.*stopRuntime|stopRuntime.*exportRunFiles/s);
  });

  test('name neither the machine nor its folders', () => {
    for (const { name, text } of histories) {
      const identities = new Set([...text.matchAll(/"identity":"([^"]*)"/g)].map(([, identity]) => identity));
      assert.deepEqual(
        [...identities].filter(
          (identity) => !['client', 'worker', 'history-service'].includes(identity ?? ''),
        ),
        [],
        name,
      );
      const payloads = [...text.matchAll(/"data":"([^"]*)"/g)].map(([, data = '']) => atob(data));
      assert.doesNotMatch(
        [text, ...payloads].join('\n'),
        /stackTrace|file:\/\/|node_modules|localhost|127\.0\.0\.1/,
        name,
      );
    }
  });
});

describe('of what a pipeline can do, a recorded history has', () => {
  const has = (condition: (event: HistoryEvent) => unknown) =>
    histories.some(({ events }) => events.some(condition));

  for (const type of Object.keys(workflows)) {
    test(`the workflow ${type}, however it closes`, () => {
      const closings = new Set(
        histories
          .filter(
            ({ events }) => events[0]?.workflowExecutionStartedEventAttributes?.workflowType.name === type,
          )
          .map(({ events }) => events.at(-1)?.eventType),
      );
      for (const closing of ['COMPLETED', 'FAILED', 'CANCELED']) {
        assert.ok(closings.has(`EVENT_TYPE_WORKFLOW_EXECUTION_${closing}`), closing);
      }
    });
  }

  const phases: Record<PipelinePhase, { readonly isOpen: boolean }> = {
    waiting: { isOpen: true },
    collecting: { isOpen: true },
    held: { isOpen: true },
    finishing: { isOpen: true },
    done: { isOpen: false },
  };
  for (const [phase, { isOpen }] of Object.entries(phases)) {
    test(`the phase ${phase}${isOpen ? ', in which it ends' : ''}`, () => {
      const lastPhases = histories
        .filter(
          ({ events }) => isOpen === !events.at(-1)?.eventType.startsWith('EVENT_TYPE_WORKFLOW_EXECUTION_'),
        )
        .map(({ events }) => events.map(readPhase).findLast((each) => each !== undefined) ?? 'waiting');
      assert.ok(lastPhases.includes(phase), `it has ${lastPhases}`);
    });
  }

  const activities: Record<keyof BctrlActivities, true> = {
    collectRuntimeFile: true,
    collectRuntimeFiles: true,
    exportRunFiles: true,
    getActiveRun: true,
    stopRuntime: true,
    verifyCollectedFiles: true,
    waitForInvocation: true,
  };
  for (const activity of Object.keys(activities)) {
    test(`the activity ${activity}`, () =>
      assert.ok(has((event) => event.activityTaskScheduledEventAttributes?.activityType.name === activity)));
  }

  for (const update of [ADD_FILES_UPDATE, RESUME_UPDATE, ABANDON_UPDATE]) {
    test(`the update ${update}`, () =>
      assert.ok(
        has(
          ({ workflowExecutionUpdateAcceptedEventAttributes: accepted }) =>
            accepted?.acceptedRequest.input.name === update,
        ),
      ));
  }

  test('the signal jobFinished', () =>
    assert.ok(
      has((event) => event.workflowExecutionSignaledEventAttributes?.signalName === JOB_FINISHED_SIGNAL),
    ));

  for (const [what, eventType] of Object.entries({
    'a pipeline that continues as new': 'WORKFLOW_EXECUTION_CONTINUED_AS_NEW',
    'a hold': 'TIMER_STARTED',
    'a signal that comes too late': 'TIMER_FIRED',
    'the start of the next workflow': 'CHILD_WORKFLOW_EXECUTION_STARTED',
    'a patch, of a pipeline that is refused': 'MARKER_RECORDED',
    'an activity that is cancelled': 'ACTIVITY_TASK_CANCELED',
    'an activity that fails': 'ACTIVITY_TASK_FAILED',
    'an activity that runs out of time': 'ACTIVITY_TASK_TIMED_OUT',
  })) {
    test(what, () => assert.ok(has((event) => event.eventType === `EVENT_TYPE_${eventType}`)));
  }

  test('a resumed pipeline that is told of a new version of its worker', () =>
    assert.ok(
      has((event) => event.workflowTaskStartedEventAttributes?.targetWorkerDeploymentVersionChanged),
    ));

  for (const [what, suffix] of [
    ['of a hold', '/on-close/held-1'],
    ['of a second hold', '/on-close/held-2'],
    ['of a close', '/on-close/closed'],
  ] as const) {
    test(`the workflow that onClose starts ${what}`, () =>
      assert.ok(
        has(({ startChildWorkflowExecutionInitiatedEventAttributes: child }) =>
          child?.workflowId.endsWith(suffix),
        ),
      ));
  }

  test('a reset', () =>
    assert.ok(
      has(
        (event) =>
          event.workflowTaskFailedEventAttributes?.cause === 'WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW',
      ),
    ));
});

/** The phase that an event sets. */
function readPhase({ upsertWorkflowSearchAttributesEventAttributes: upsert }: HistoryEvent): unknown {
  const phase = upsert?.searchAttributes.indexedFields['BctrlPhase'];
  return phase && JSON.parse(atob(phase.data));
}
