import type { SelectOptions } from '../actions/act-on-each.js';
import type { AddFilesCommandOptions } from '../actions/add-files.js';
import type { JobFinishedCommandOptions } from '../actions/job-finished.js';
import type { ResumeCommandOptions } from '../actions/steer.js';
import type { Commands } from '../program.js';
import { choice, id, ids, texts, withFileOptions, withJson, withSelection } from './options.js';

const WORKFLOW_IDS = ['[workflowId...]', 'as `start` and `list` print them'] as const;

/** Commands that tell running pipelines something. */
export function addSteeringCommands({ add, end, io }: Commands): void {
  const resume = add('resume', 'try again what has failed in held pipelines', [
    'resume post-run/7f3c…/4d26…',
    'resume post-run/7f3c…/4d26… --path results.csv',
    'resume --all-held --yes',
  ])
    .argument(...WORKFLOW_IDS, ids)
    .option('--path <runtimePath>', 'only this failed file (repeatable)', texts);
  withSelection(resume).action(async (workflowIds: string[], options: ResumeCommandOptions) => {
    const { resumeCommand } = await import('../actions/steer.js');
    end(await resumeCommand(io, workflowIds, options));
  });

  const abandon = add('abandon', 'let held pipelines fail with what they have', [
    'abandon post-run/7f3c…/4d26…',
  ]).argument(...WORKFLOW_IDS, ids);
  withSelection(abandon).action(async (workflowIds: string[], options: SelectOptions) => {
    const { abandonCommand } = await import('../actions/steer.js');
    end(await abandonCommand(io, workflowIds, options));
  });

  const cancel = add('cancel', 'ask running pipelines to end', [
    'cancel post-run/7f3c…/4d26…',
    'cancel --runtime 7f3c… --yes',
  ]).argument(...WORKFLOW_IDS, ids);
  withSelection(cancel).action(async (workflowIds: string[], options: SelectOptions) => {
    const { cancelCommand } = await import('../actions/steer.js');
    end(await cancelCommand(io, workflowIds, options));
  });

  const addFiles = add('add-files', 'give a running pipeline further files', [
    'add-files post-run/7f3c…/4d26… trace.zip --if-missing warn',
  ])
    .argument('<workflowId>', 'as `start` and `list` print it', id)
    .argument('<path...>', "files in the runtime's workspace");
  withJson(withFileOptions(addFiles)).action(
    async (workflowId: string, paths: string[], options: AddFilesCommandOptions) => {
      const { addFilesCommand } = await import('../actions/add-files.js');
      end(await addFilesCommand(io, workflowId, paths, options));
    },
  );

  const jobFinished = add('job-finished', 'tell a pipeline that waits for it that its job has ended', [
    'job-finished post-run/7f3c…/4d26… --invocation 4d26…',
    'job-finished post-run/7f3c…/4d26… --status failed',
  ])
    .argument('<workflowId>', 'as `start` and `list` print it', id)
    .option('--invocation <id>', 'the job, which the API is asked about', id)
    .addOption(
      choice('--status <status>', 'how it ended, without asking the API (default: succeeded)', [
        'succeeded',
        'failed',
        'cancelled',
        'timed_out',
      ]),
    );
  withJson(jobFinished).action(async (workflowId: string, options: JobFinishedCommandOptions) => {
    const { jobFinishedCommand } = await import('../actions/job-finished.js');
    end(await jobFinishedCommand(io, workflowId, options));
  });
}
