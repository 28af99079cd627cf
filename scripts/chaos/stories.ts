import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { JOB_FINISHED_SIGNAL, RESUME_UPDATE } from '../../src/shared/names.js';
import type { PipelineFile, PipelineInput } from '../../src/shared/pipeline-input.js';
import type { RunFact } from './facts.js';
import type { Scene } from './scene.js';

export type StoryInput = Omit<PipelineInput, 'runtimeId'>;

/** A kind of pipeline: what it gets, and what is done to it. */
export interface Story {
  /** How often it comes, compared with the others. */
  readonly share: number;
  /** How it may end. */
  readonly allowed: readonly string[];
  readonly archives?: number;
  /** Whether a run shows what is particular to the story. Default: nothing is. */
  readonly shows?: (run: RunFact) => boolean;
  /** Jobs start with their pipeline, so it cannot be started before its turn. */
  readonly waitsForJobs?: true;
  readonly input: (scene: Scene) => Promise<StoryInput>;
  /** Default: nobody does anything. */
  readonly operate?: (scene: Scene, input: StoryInput) => Promise<void>;
}

const succeeded = ['succeeded'];

const LATE_MS = 4_000;

/** An earlier call may have been carried out although it failed, and the pipeline may have ended since. */
export async function unlessEnded(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

const jobMs = ({ random }: Scene) => random.between(0, 5_000);

/** The last of the files is not there until it is written. */
async function inputWithMissingFile(scene: Scene): Promise<{ files: PipelineFile[] }> {
  const files = await scene.files(1, 4);
  scene.missing = scene.nextPath();
  return { files: [...files, { runtimePath: scene.missing }] };
}

/** Adds files once. Those of a call that is refused need not be collected, unless the history shows that an earlier call was accepted. */
async function addFilesOnce(scene: Scene): Promise<void> {
  const files = await scene.files(1, 3);
  await scene.insist(async () => {
    try {
      await scene.handle.addFiles({ files });
    } catch (error) {
      const isRefused = error instanceof WorkflowUpdateFailedError || error instanceof WorkflowNotFoundError;
      if (!isRefused) throw error;
      for (const { runtimePath } of files) scene.required.delete(runtimePath);
    }
  });
}

async function resumeUntilClosed(scene: Scene, act: () => Promise<unknown>): Promise<void> {
  while (await scene.until(({ phase }) => phase === 'held')) {
    // Refused if an earlier call was applied although it failed: the next look shows it.
    await act().catch(() => undefined);
    await scene.sleep(1_000);
  }
}

async function rerunOrStart(scene: Scene, input: StoryInput): Promise<void> {
  const result = await scene.rerun();
  if (result === 'nothing left') scene.allowed.add('terminated');
  if (result === 'never began') await scene.start(input, 'if-failed');
}

export const stories: Readonly<Record<string, Story>> = {
  small: { share: 6, allowed: succeeded, input: async (scene) => ({ files: await scene.files(1, 5) }) },
  large: { share: 2, allowed: succeeded, input: async (scene) => ({ files: await scene.files(200, 600) }) },
  'continued as new': {
    share: 1,
    allowed: succeeded,
    shows: ({ status }) => status === 'continued',
    input: async (scene) => ({ files: await scene.files(250, 400), batchSize: 5 }),
  },
  'missing optional files': {
    share: 2,
    allowed: succeeded,
    input: async (scene) => ({
      files: [
        ...(await scene.files(1, 4)),
        { runtimePath: scene.nextPath(), ifMissing: 'warn' },
        { runtimePath: scene.nextPath(), ifMissing: 'ignore' },
      ],
    }),
  },
  'files that appear late': {
    share: 2,
    allowed: succeeded,
    input: async (scene) => {
      const files = await scene.files(1, 4);
      scene.missing = scene.nextPath();
      return { files: [...files, { runtimePath: scene.missing, appearsWithin: '5m' }] };
    },
    operate: async (scene) => {
      await scene.sleep(LATE_MS);
      await scene.write(scene.missing);
    },
  },
  'waits for jobs': {
    share: 3,
    allowed: succeeded,
    waitsForJobs: true,
    input: async (scene) => {
      const named = (await scene.files(1, 4)).map(({ runtimePath }) => runtimePath);
      const first = await scene.createJob({ durationMs: jobMs(scene), output: { files: named } });
      const second = await scene.createJob({ durationMs: jobMs(scene), output: { files: [] } });
      return {
        files: await scene.files(0, 3),
        waitFor: { invocationIds: [first, second] },
        filesFromOutput: '/files',
      };
    },
  },
  'waits for a signal': {
    share: 1,
    allowed: succeeded,
    shows: ({ messages }) => messages.includes(JOB_FINISHED_SIGNAL),
    input: async (scene) => ({ files: await scene.files(1, 3), waitFor: { signal: true } }),
    operate: async (scene) => {
      await scene.sleep(scene.random.between(0, 4_000));
      await scene.insist(() => unlessEnded(scene.handle.jobFinished()));
    },
  },
  archive: {
    share: 2,
    allowed: succeeded,
    archives: 1,
    input: async (scene) => ({ files: await scene.files(1, 8), exportArchive: {} }),
  },
  'files are added': {
    share: 2,
    allowed: succeeded,
    shows: ({ added }) => added.length > 0,
    input: async (scene) => ({ files: await scene.files(1, 40), waitFor: { signal: true } }),
    operate: async (scene) => {
      await addFilesOnce(scene);
      await scene.insist(() => unlessEnded(scene.handle.jobFinished()));
      await addFilesOnce(scene);
    },
  },
  'held, then resumed': {
    share: 2,
    allowed: succeeded,
    shows: ({ messages }) => messages.includes(RESUME_UPDATE),
    input: async (scene) => ({ ...(await inputWithMissingFile(scene)), onFailure: 'hold' }),
    operate: async (scene) => {
      await scene.until(({ phase }) => phase === 'held');
      await scene.write(scene.missing);
      await resumeUntilClosed(scene, () => scene.handle.resume());
    },
  },
  'held, then abandoned': {
    share: 1,
    allowed: ['abandoned'],
    input: async (scene) => ({ ...(await inputWithMissingFile(scene)), onFailure: 'hold' }),
    operate: (scene) => resumeUntilClosed(scene, () => scene.handle.abandon()),
  },
  'failed, then rerun': {
    share: 2,
    allowed: succeeded,
    shows: ({ status }) => status === 'failed',
    input: inputWithMissingFile,
    operate: async (scene) => {
      await scene.closed();
      await scene.write(scene.missing);
      await scene.rerun();
    },
  },
  cancelled: {
    share: 2,
    allowed: ['cancelled', 'succeeded'],
    shows: ({ status }) => status === 'cancelled',
    input: async (scene) => ({ files: await scene.files(1, 200) }),
    operate: async (scene) => {
      await scene.sleep(scene.random.between(200, 3_000));
      await scene.insist(() => unlessEnded(scene.handle.workflowHandle.cancel()));
    },
  },
  'terminated, then rerun': {
    share: 2,
    allowed: succeeded,
    shows: ({ status }) => status === 'terminated',
    input: async (scene) => ({ files: await scene.files(1, 200) }),
    operate: async (scene, input) => {
      await scene.sleep(scene.random.between(200, 3_000));
      if (await scene.terminate()) await rerunOrStart(scene, input);
    },
  },
  'reset while it runs': {
    share: 1,
    allowed: succeeded,
    shows: ({ status }) => status === 'terminated',
    input: async (scene) => ({ files: await scene.files(20, 200) }),
    operate: async (scene) => {
      await scene.sleep(scene.random.between(200, 3_000));
      await scene.reset();
    },
  },
  'reset when it has ended': {
    share: 1,
    allowed: succeeded,
    shows: ({ isReset }) => isReset,
    input: async (scene) => ({ files: await scene.files(1, 30) }),
    operate: async (scene) => {
      await scene.closed();
      await scene.reset();
    },
  },
};
