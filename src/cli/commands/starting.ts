import type { Command } from 'commander';
import type { CollectCommandOptions } from '../actions/collect.js';
import type { StartCommandOptions } from '../actions/start.js';
import type { StartOptions } from '../actions/start-pipeline.js';
import type { Commands } from '../program.js';
import { choice, duration, id, ids, withFileOptions, withReport, withTimeout } from './options.js';

/** Commands that start a workflow. */
export function addStartingCommands({ add, end, io }: Commands): void {
  const start = add('start', "start a runtime's pipeline, or attach to it when it is running", [
    'start 7f3c… results.csv logs/run.log --invocation 4d26… --wait',
    'start --spec pipeline.yaml --dry-run',
    'generate-spec | bctrl-temporal start --spec - --json',
  ])
    .argument('[runtimeId]', 'the runtime whose files are collected', id)
    .argument('[path...]', "files in the runtime's workspace")
    .option(
      '--spec <file>',
      'YAML or JSON file with the fields of a pipeline; - for stdin. Options come on top',
    )
    .option('--invocation <id>', 'wait for this job first (repeatable)', ids)
    .option('--signal', 'wait for job-finished first')
    .option('--wait-timeout <duration>', 'how long the pipeline waits for its jobs (default: 24h)', duration)
    .addOption(
      choice('--when-job-fails <what>', 'with its files, when a job fails (default: collect)', [
        'collect',
        'skip',
      ]),
    )
    .addOption(
      choice('--on-failure <what>', 'hold: wait for resume instead of failing (default: fail)', [
        'fail',
        'hold',
      ]),
    )
    .option('--give-up-after <duration>', 'how long one file is tried (default: 6h)', duration)
    .option('--export-archive [name]', 'make a zip of the files of the run')
    .addOption(
      choice('--stop-runtime <when>', 'stop the runtime at the end (default: never)', [
        'always',
        'on-success',
        'never',
      ]),
    );
  withStartOptions(withFileOptions(start))
    .option('--again', 'run a finished pipeline anew')
    .action(async (runtimeId: string | undefined, paths: string[], options: StartCommandOptions) => {
      const { startCommand } = await import('../actions/start.js');
      end(await startCommand(io, runtimeId, paths, options));
    });

  const collect = add('collect', 'collect one file now, and wait for it', [
    'collect 7f3c… results.csv --to reports/today.csv',
    'collect 7f3c… late.log --appears-within 2m --timeout 5m --json',
  ])
    .argument('<runtimeId>', 'the runtime whose file is collected', id)
    .argument('<path>', "the file in the runtime's workspace")
    .option('--to <destinationPath>', 'its path in durable storage (default: the API decides)')
    .addOption(
      choice('--if-exists <what>', 'when that is taken by a foreign file (default: fail)', ['fail', 'keep']),
    )
    .option('--appears-within <duration>', 'how long it may still come', duration)
    .option('--give-up-after <duration>', 'how long the file is tried (default: 6h)', duration)
    .option('--again', 'collect it anew');
  withTimeout(collect).action(async (runtimeId: string, path: string, options: CollectCommandOptions) => {
    const { collectCommand } = await import('../actions/collect.js');
    end(await collectCommand(io, runtimeId, path, options));
  });

  const rerun = add('rerun', 'collect what an ended pipeline has not', ['rerun post-run/7f3c…/4d26… --wait']);
  withStartOptions(
    rerun.argument('<workflowId>', 'a pipeline that has ended otherwise than well', id),
  ).action(async (workflowId: string, options: StartOptions) => {
    const { rerunCommand } = await import('../actions/rerun.js');
    end(await rerunCommand(io, workflowId, options));
  });
}

function withStartOptions(command: Command): Command {
  return withReport(
    command
      .option('--wait', 'show progress until the pipeline has ended, then its report')
      .option('--dry-run', 'print what would be started, and start nothing'),
  );
}
