import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { Duration } from '../../src/shared/duration.js';
import {
  ABANDON_UPDATE,
  ADD_FILES_UPDATE,
  COLLECT_FILE,
  JOB_FINISHED_SIGNAL,
  RESUME_UPDATE,
} from '../../src/shared/names.js';
import type { PipelineInput } from '../../src/shared/pipeline-input.js';
import type { PipelinePhase, PipelineProgress } from '../../src/shared/pipeline-report.js';
import type { Fault, FaultRule, InvocationOptions } from '../../src/testing.js';

/** One workflow whose history is recorded. */
export interface Scenario {
  /** Default: `postRunPipeline`. */
  readonly type?: string;
  readonly input: Partial<Omit<PipelineInput, 'waitFor'>> & {
    readonly runtimePath?: string;
    readonly waitFor?: { readonly signal?: true; readonly timeout?: Duration };
  };
  readonly faults?: readonly FaultRule[];
  /** Jobs that the input waits for, in this order. */
  readonly jobs?: readonly Partial<InvocationOptions>[];
  /** Starts the pipeline without search attributes. */
  readonly withoutSearchAttributes?: true;
  /** Runs on a versioned worker. Recorded only if the server tells workflows of a new version, which 1.29.1 does not. */
  readonly versioned?: true;
  /** Records on a server that suggests to continue as new after few events. */
  readonly shortHistory?: true;
  /** Resolves when the history is to be recorded. Default: when the workflow has closed. */
  readonly steer?: (recording: Recording) => Promise<unknown>;
}

export interface Recording {
  readonly handle: WorkflowHandle;
  createJob(options: Partial<InvocationOptions>): Promise<string>;
  setFaults(faults: readonly FaultRule[]): void;
  /** Waits until the pipeline is in this phase. */
  reach(phase: PipelinePhase, condition?: (progress: PipelineProgress) => boolean): Promise<unknown>;
  closed(): Promise<unknown>;
  /** Starts a second worker, of the next version, and makes it current. */
  deploy(): Promise<void>;
  /** Resets the closed workflow to its first workflow task. The new run is recorded. */
  reset(): Promise<void>;
}

const files = (...names: string[]) => names.map((name) => ({ runtimePath: `${name}.txt` }));
const manyFiles = files(...Array.from({ length: 21 }, (_, index) => `${index + 1}`));

const respond = (status: number, headers: Record<string, string> = {}): Fault => ({
  kind: 'respond',
  status,
  headers,
});
const onCollect = (runtimePath: string, fault: Fault): FaultRule => ({
  operation: 'collect',
  runtimePath,
  fault,
});
const once = (rule: FaultRule): FaultRule => ({ ...rule, times: 1 });

const onClose = { workflowType: 'tellOnCall', taskQueue: 'on-call' };
const forbidden = respond(403);
const later = respond(503, { 'retry-after': '3600' });

/** The file is made, but neither the response nor the listing says so; it is made again. */
const madeTwice: FaultRule[] = [
  once(onCollect('a.txt', { kind: 'malformed-response' })),
  {
    operation: 'list-files',
    times: 1,
    fault: { kind: 'respond', status: 200, body: { data: [], nextCursor: null } },
  },
];

const cancel = ({ handle, closed }: Recording) => handle.cancel().then(closed);
const isOneLeft = ({ counts }: PipelineProgress) => counts.files - counts.collected === 1;

/** By the name of the recorded file, which is the id of the workflow. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'collect-file-succeeded': { type: COLLECT_FILE, input: { runtimePath: 'a.txt' } },
  'collect-file-failed': { type: COLLECT_FILE, input: { runtimePath: 'none.txt' } },
  'collect-file-cancelled': {
    type: COLLECT_FILE,
    input: { runtimePath: 'a.txt' },
    faults: [onCollect('a.txt', later)],
    steer: async (recording) => {
      await sleep(500);
      await cancel(recording);
    },
  },
  'collect-file-verified': { type: COLLECT_FILE, input: { runtimePath: 'a.txt' }, faults: madeTwice },

  'waiting-for-jobs': {
    input: { files: files('a'), filesFromOutput: '' },
    jobs: [{ durationMs: 3_600_000 }],
    steer: ({ reach }) => reach('waiting'),
  },
  'waiting-for-signal': {
    input: { files: files('a'), waitFor: { signal: true } },
    steer: ({ reach }) => reach('waiting'),
  },
  collecting: {
    input: { files: files('a', 'b') },
    faults: [onCollect('b.txt', later)],
    steer: ({ reach }) => reach('collecting', isOneLeft),
  },
  held: {
    input: { files: files('a', 'b'), onFailure: 'hold' },
    faults: [onCollect('b.txt', forbidden)],
    steer: ({ reach }) => reach('held'),
  },
  finishing: {
    input: { files: files('a'), stopRuntime: 'always' },
    faults: [{ operation: 'stop-runtime', fault: later }],
    steer: ({ reach }) => reach('finishing'),
  },

  succeeded: {
    input: {
      files: files('a'),
      filesFromOutput: '',
      exportArchive: {},
      stopRuntime: 'on-success',
      next: { workflowType: 'downstream', taskQueue: 'downstream' },
    },
    faults: [once(onCollect('a.txt', respond(503)))],
    jobs: [{ durationMs: 500, output: 'b.txt' }, { output: 'c.txt' }],
  },
  'succeeded-after-signal': {
    input: { waitFor: { signal: true }, filesFromOutput: '' },
    steer: async ({ handle, reach, createJob, closed }) => {
      await reach('waiting');
      await handle.executeUpdate(ADD_FILES_UPDATE, { args: [{ files: files('b') }] });
      const invocationId = await createJob({ output: 'a.txt' });
      await handle.signal(JOB_FINISHED_SIGNAL, { invocationId });
      await closed();
    },
  },
  batches: {
    input: { files: [...manyFiles, { runtimePath: 'none.txt', ifMissing: 'warn' }], batchSize: 9 },
    faults: [once(onCollect('1.txt', respond(503)))],
  },
  'continued-as-new': { input: { files: manyFiles, batchSize: 7, concurrency: 1 }, shortHistory: true },
  verified: { input: { files: files('a', 'b') }, faults: madeTwice },
  failed: {
    input: { files: files('a', 'none'), stopRuntime: 'on-success', next: { workflowType: 'downstream' } },
    withoutSearchAttributes: true,
  },
  skipped: { input: { files: files('a'), whenJobFails: 'skip' }, jobs: [{ status: 'failed' }] },
  refused: { input: { files: [] } },
  rerun: {
    input: { files: files('a'), rerunOf: 'failed/00000000-0000-4000-8000-000000000000' },
  },
  reset: {
    input: { files: files('a') },
    steer: async ({ reset, closed }) => {
      await closed();
      await reset();
      await closed();
    },
  },

  'resumed-for-files': {
    input: { files: files('a', 'b', 'c'), onFailure: 'hold' },
    faults: [onCollect('b.txt', forbidden), onCollect('c.txt', forbidden)],
    steer: async ({ handle, reach, setFaults, closed }) => {
      await reach('held');
      setFaults([]);
      await handle.executeUpdate(RESUME_UPDATE, { args: [{ runtimePaths: ['b.txt'] }] });
      await reach('held', ({ counts }) => counts.collected === 2);
      await handle.executeUpdate(ADD_FILES_UPDATE, { args: [{ files: files('1') }] });
      await handle.executeUpdate(RESUME_UPDATE);
      await closed();
    },
  },
  'resumed-for-jobs': {
    input: { files: files('a'), waitFor: { timeout: '1s' }, onFailure: 'hold' },
    jobs: [{ durationMs: 2_000 }],
    steer: async ({ handle, reach, closed }) => {
      await reach('held');
      await sleep(1_000);
      await handle.executeUpdate(RESUME_UPDATE);
      await closed();
    },
  },
  'resumed-for-signal': {
    input: { files: files('a'), waitFor: { signal: true, timeout: '1s' }, onFailure: 'hold' },
    steer: async ({ handle, reach, closed }) => {
      await reach('held');
      await handle.signal(JOB_FINISHED_SIGNAL);
      await handle.executeUpdate(RESUME_UPDATE);
      await closed();
    },
  },
  'resumed-on-new-version': {
    versioned: true,
    input: { files: files('a'), waitFor: { timeout: '1s' }, onFailure: 'hold' },
    jobs: [{ durationMs: 2_000 }],
    steer: async ({ handle, reach, deploy, closed }) => {
      await reach('held');
      await deploy();
      // The server passes the change on to its parts.
      await sleep(2_000);
      await handle.executeUpdate(RESUME_UPDATE);
      await closed();
    },
  },
  abandoned: {
    input: { files: files('a', 'b'), onFailure: 'hold' },
    faults: [onCollect('b.txt', forbidden)],
    steer: async ({ handle, reach, closed }) => {
      await reach('held');
      await handle.executeUpdate(ABANDON_UPDATE);
      await closed();
    },
  },

  'refused-key': {
    input: { files: manyFiles, batchSize: 7, concurrency: 1, onFailure: 'hold' },
    faults: [{ operation: 'collect', fault: respond(401) }],
    steer: async ({ handle, reach, setFaults, closed }) => {
      await reach('held');
      setFaults([]);
      await handle.executeUpdate(RESUME_UPDATE);
      await closed();
    },
  },
  'told-when-held': {
    input: { files: files('a', 'b'), onFailure: 'hold', onClose: { ...onClose, when: 'held' } },
    faults: [onCollect('b.txt', forbidden)],
    steer: async ({ handle, reach, closed }) => {
      await reach('held');
      await handle.executeUpdate(RESUME_UPDATE);
      await reach('held');
      await handle.executeUpdate(ABANDON_UPDATE);
      await closed();
    },
  },
  'told-when-cancelled': {
    input: { files: files('a', 'b'), onFailure: 'hold', onClose: { ...onClose, when: 'failed' } },
    faults: [onCollect('b.txt', forbidden)],
    steer: async (recording) => {
      await recording.reach('held');
      await cancel(recording);
    },
  },
  'told-after-continued': {
    input: { files: manyFiles, batchSize: 7, concurrency: 1, onClose: { ...onClose, when: 'always' } },
    shortHistory: true,
  },

  'cancelled-while-waiting': {
    input: { files: files('a') },
    jobs: [{ durationMs: 3_600_000 }],
    steer: async (recording) => {
      await recording.reach('waiting');
      await cancel(recording);
    },
  },
  'cancelled-while-collecting': {
    input: { files: files('a', 'b'), exportArchive: {}, stopRuntime: 'always' },
    faults: [onCollect('b.txt', later)],
    steer: async (recording) => {
      await recording.reach('collecting', isOneLeft);
      await cancel(recording);
    },
  },
  'cancelled-batch': {
    input: { files: manyFiles, batchSize: 21 },
    faults: [onCollect('1.txt', later)],
    steer: async (recording) => {
      await recording.reach('collecting');
      await sleep(500);
      await cancel(recording);
    },
  },
  'cancelled-while-held': {
    input: { files: files('a', 'b'), onFailure: 'hold' },
    faults: [onCollect('b.txt', forbidden)],
    steer: async (recording) => {
      await recording.reach('held');
      await cancel(recording);
    },
  },
};
