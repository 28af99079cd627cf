import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { WorkflowHandle } from '@temporalio/client';
import type { Duration as TemporalDuration } from '@temporalio/common';
import type { BctrlPluginOptions, Duration, PipelineInput, RetryTableOverrides } from 'bctrl-temporal';
import {
  addFilesUpdate,
  type CollectRuntimeFileInput,
  type JobFinishedInput,
  jobFinishedSignal,
  progressQuery,
  rerunInputQuery,
  resumeUpdate,
} from 'bctrl-temporal/workflow';
import { durationToMs } from '../../src/shared/duration.js';

// `tsc` checks the types that the package ships. What is never called only has to compile.

const runtimeId = '3f2b8c1e-5a4d-4e6f-9b70-1c2d3e4f5a6b';
const files = [{ runtimePath: 'results.csv' }] as const;

describe('Duration', () => {
  test('is a number of milliseconds, or a number with a unit', () => {
    const durations: Duration[] = [5, '5s', '5 s', '1.5h', '2 days', '10y', '100ms', '3 weeks'];
    assert.ok(durations.every((duration) => durationToMs(duration) > 0));
    // @ts-expect-error: Temporal reads it as five milliseconds, which nobody who writes it means
    durations.push('5');
    // @ts-expect-error: no such unit
    durations.push('5 parsecs');
    // @ts-expect-error: no number
    durations.push('soon');
    // @ts-expect-error: no unit, and no number
    durations.push(true);
  });

  test('fits where the SDK takes a duration', () => {
    const duration: Duration = '5 minutes';
    const temporal: TemporalDuration = duration;
    assert.equal(temporal, duration);
  });
});

describe('PipelineInput', () => {
  test('needs files or waitFor', () => {
    const inputs: PipelineInput[] = [
      { runtimeId, files },
      { runtimeId, waitFor: { signal: true } },
      { runtimeId, account: 'eu', files, waitFor: { invocationIds: ['a'], timeout: '8h' } },
      { runtimeId, waitFor: { invocationIds: ['a'] }, filesFromOutput: '/files' },
    ];
    assert.equal(inputs.length, 4);
    // @ts-expect-error: nothing to collect
    inputs.push({ runtimeId });
    // @ts-expect-error: no job whose output could name files
    inputs.push({ runtimeId, files, filesFromOutput: '/files' });
    // @ts-expect-error: either the ids are known, or a signal names the job
    inputs.push({ runtimeId, waitFor: { invocationIds: ['a'], signal: true } });
    // @ts-expect-error: nothing to wait for
    inputs.push({ runtimeId, waitFor: { timeout: '8h' } });
    // @ts-expect-error: misspelled
    inputs.push({ runtimeId, files, onFailures: 'hold' });
    // @ts-expect-error: misspelled in a file
    inputs.push({ runtimeId, files: [{ runtimePath: 'a', ifMising: 'warn' }] });
  });

  test('can be built with a wait that is not always there', () => {
    const toInput = (waitFor: PipelineInput['waitFor']): PipelineInput => ({
      runtimeId,
      files,
      ...(waitFor && { waitFor }),
    });
    assert.deepEqual(toInput(undefined), { runtimeId, files });
  });
});

test('a job that has finished has an id or a status', () => {
  const inputs: JobFinishedInput[] = [{}, { status: 'failed' }, { invocationId: 'a' }];
  assert.equal(inputs.length, 3);
  // @ts-expect-error: the API says how the job ended
  inputs.push({ invocationId: 'a', status: 'failed' });
  // @ts-expect-error: not the last status of a job
  inputs.push({ status: 'running' });
});

test('a retry table has no row but those of the reason classes', () => {
  const tables: RetryTableOverrides[] = [
    { server: { maximumFailures: 3 }, upstream: { initialInterval: '5s' } },
  ];
  assert.equal(tables.length, 1);
  // @ts-expect-error: misspelled
  tables.push({ servr: { maximumFailures: 3 } });
  // @ts-expect-error: misspelled in a row
  tables.push({ server: { maximumFailure: 3 } });
  // @ts-expect-error: no unit
  tables.push({ server: { initialInterval: '5' } });
});

test('the activities take no field that only the pipeline workflow sets', () => {
  const inputs: CollectRuntimeFileInput[] = [
    { runtimeId, runtimePath: 'a', account: 'eu', ifExists: 'keep' },
  ];
  assert.equal(inputs.length, 1);
  // @ts-expect-error: of a batch, and of the pipeline only
  inputs.push({ runtimeId, runtimePath: 'a', brief: true });
});

test('the plugin’s durations are checked', () => {
  const options: Pick<BctrlPluginOptions, 'listSettleTime'>[] = [{ listSettleTime: '5s' }];
  assert.equal(options.length, 1);
  // @ts-expect-error: no unit
  options.push({ listSettleTime: '5' });
});

test('a handle takes the messages of a pipeline', () => {
  const send = async (handle: WorkflowHandle) => {
    const resumed = await handle.executeUpdate(resumeUpdate, { args: [{}] });
    const some = await handle.executeUpdate(resumeUpdate, { args: [{ runtimePaths: ['results.csv'] }] });
    const started = await handle.startUpdate(resumeUpdate, { args: [{}], waitForStage: 'ACCEPTED' });
    const counts: number[] = [resumed.files, some.jobs, (await started.result()).files];
    const added = await handle.executeUpdate(addFilesUpdate, { args: [{ files }] });
    counts.push(added.added, added.known);
    await handle.signal(jobFinishedSignal);
    await handle.signal(jobFinishedSignal, { status: 'failed' });
    const input: PipelineInput = await handle.query(rerunInputQuery);
    const { phase } = await handle.query(progressQuery);

    // @ts-expect-error: the result has no such field
    counts.push(resumed.added);
    // @ts-expect-error: no object
    await handle.executeUpdate(resumeUpdate, { args: [42] });
    // @ts-expect-error: one path instead of an array
    await handle.executeUpdate(resumeUpdate, { args: [{ runtimePaths: 'results.csv' }] });
    // @ts-expect-error: no files
    await handle.executeUpdate(addFilesUpdate);
    // @ts-expect-error: misspelled in a file
    await handle.executeUpdate(addFilesUpdate, { args: [{ files: [{ path: 'results.csv' }] }] });
    // @ts-expect-error: the API says how the job ended
    await handle.signal(jobFinishedSignal, { invocationId: 'a', status: 'failed' });
    // @ts-expect-error: the query takes no argument
    await handle.query(rerunInputQuery, 'a');
    // @ts-expect-error: a pipeline's input has no phase
    return [counts, phase, input.phase];
  };
  assert.equal(send.length, 1);
});
