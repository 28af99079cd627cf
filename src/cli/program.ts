import { Argument, Command, Option } from 'commander';
import type { ExitCode } from '../exit.js';
import { stripControlCharacters } from '../shared/display-text.js';
import type { PipelinePhase } from '../shared/pipeline-report.js';
import { version } from '../version.js';
import type { Io } from './io.js';
import {
  choice,
  classes,
  count,
  duration,
  durationMs,
  id,
  ids,
  ifExists,
  ifExistsNow,
  listenAddress,
  origin,
  texts,
  withFiles,
  withJson,
  withReport,
  withSelection,
  withStart,
  withTimeout,
} from './options.js';
import { NAME } from './output/command.js';

const exitCodeHelp = `
Exit codes:
  0    done: all files are stored, or skipped as asked
  1    the pipeline failed, timed out, or was cancelled or terminated; or the result could not be written
  2    wrong argument, input or environment variable, or a refused request
  3    Temporal, the bctrl API or a worker is not reachable
  4    still running when --timeout expired, or held
  130  interrupted with Ctrl-C; the pipeline keeps running
`;

const phases: readonly PipelinePhase[] = ['waiting', 'collecting', 'held', 'finishing', 'done'];
const jobStatuses = ['succeeded', 'failed', 'cancelled', 'timed_out'];

const WORKFLOW_ID = ['<workflowId>', 'as printed by `start` and `list`', id] as const;

/**
 * Declares every command, option and example. A command's code is loaded when it runs, so that `--help` is fast.
 *
 * @param end takes the exit code of the command that ran
 */
export function createProgram(io: Io, end: (code: ExitCode) => void): Command {
  const program = new Command(NAME)
    .description('Collects the files of bctrl runtimes into durable storage, on Temporal.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Commander puts its suggestions on a line of their own.
      outputError: (text, write) =>
        write(`${NAME}: ${stripControlCharacters(text.replace(/^error: /, ''))}\n`),
    })
    .addHelpText('after', exitCodeHelp);

  const add = (name: string, description: string, examples: readonly string[]) =>
    program
      .command(name)
      .description(description)
      .addHelpText('after', `${toHelp(examples)}\n${exitCodeHelp}`);

  const run =
    <A extends unknown[]>(load: () => Promise<(io: Io, ...args: A) => ExitCode | Promise<ExitCode>>) =>
    async (...args: A) => {
      const command = await load();
      end(await command(io, ...args));
    };

  const start = add('start', "start a runtime's pipeline, or attach to the running one", [
    'start 7f3c… results.csv logs/run.log --invocation 4d26… --wait',
    'start --spec pipeline.yaml --dry-run',
    'generate-spec | bctrl-temporal start --spec - --json',
  ])
    .argument('[runtimeId]', 'the runtime whose files are collected', id)
    .argument('[path...]', "files in the runtime's workspace")
    .option('--spec <file>', "YAML or JSON file with a pipeline's fields, - for stdin; options override it")
    .option('--invocation <id>', 'wait for this job first (repeatable)', ids)
    .option('--signal', 'wait for `job-finished` first')
    .option('--wait-timeout <duration>', 'how long the pipeline waits for its jobs (default: 24h)', duration)
    .addOption(
      choice('--when-job-fails <action>', ['collect', 'skip'], 'what to do with the files if a job fails'),
    )
    .addOption(choice('--on-failure <action>', ['fail', 'hold'], 'hold waits for resume instead of failing'))
    .option('--give-up-after <duration>', 'how long to retry one file (default: 6h)', duration)
    .option('--export-archive [name]', 'store a zip archive of the files of the run')
    .addOption(
      choice('--stop-runtime <when>', ['never', 'always', 'on-success'], 'stop the runtime at the end'),
    )
    .option('--again', 'run a finished pipeline again');
  withStart(withFiles(start)).action(run(async () => (await import('./commands/start.js')).startCommand));

  const collect = add('collect', 'collect one file now and wait for it', [
    'collect 7f3c… results.csv --to reports/today.csv',
    'collect 7f3c… late.log --appears-within 2m --timeout 5m --json',
  ])
    .argument('<runtimeId>', 'the runtime whose file is collected', id)
    .argument('<path>', "the file in the runtime's workspace")
    .option('--to <destinationPath>', 'its path in durable storage (default: chosen by the API)')
    .addOption(ifExists())
    .option('--appears-within <duration>', 'how long to wait for the file if it does not exist yet', duration)
    .option('--give-up-after <duration>', 'how long to retry (default: 6h)', duration)
    .option('--again', 'collect the file again');
  withTimeout(collect).action(run(async () => (await import('./commands/collect.js')).collectCommand));

  const rerun = add('rerun', 'retry only the files that ended pipelines did not collect', [
    'rerun post-run/7f3c…/4d26… --wait',
    'rerun --all-failed --since 12h --dry-run',
    'rerun --all-failed --class upstream --yes --wait',
  ])
    .argument('[workflowId...]', 'pipelines that ended without success', ids)
    .option('--all-failed', 'select all pipelines that failed or timed out instead of naming ids')
    .option('--runtime <runtimeId>', 'select only those of this runtime', id)
    .option('--since <duration>', 'select only those that ended within this time', durationMs)
    .option('--class <reasonClass>', 'select only those with a failure of this class (repeatable)', classes)
    .option('--yes', 'do not ask for confirmation')
    .addOption(ifExistsNow());
  withStart(rerun).action(run(async () => (await import('./commands/rerun.js')).rerunCommand));

  const status = add('status', "show a pipeline's state, failures and next step", [
    'status post-run/7f3c…/4d26…',
    'status post-run/7f3c…/4d26… --json',
  ]).argument(...WORKFLOW_ID);
  withJson(status).action(run(async () => (await import('./commands/status.js')).statusCommand));

  const watch = add('watch', 'show progress until a pipeline ends, then its report', [
    'watch post-run/7f3c…/4d26…',
    'watch post-run/7f3c…/4d26… --timeout 10m',
  ]).argument(...WORKFLOW_ID);
  withReport(watch).action(run(async () => (await import('./commands/watch.js')).watchCommand));

  const result = add('result', 'wait until a pipeline ends, and print its report', [
    'result post-run/7f3c…/4d26… --json',
    'result post-run/7f3c…/4d26… --all',
    'result post-run/7f3c…/4d26… --files > files.jsonl',
  ])
    .argument(...WORKFLOW_ID)
    .addOption(
      new Option('--files', 'print every file that the API lists, as one JSON object per line').conflicts([
        'json',
        'all',
      ]),
    )
    .addOption(
      new Option('--duplicates', 'like --files, but only the surplus files of each collection key')
        .conflicts(['json', 'all'])
        .implies({ files: true }),
    )
    .option('--runtime <runtimeId>', 'with --files: the runtime of a pipeline that Temporal has deleted', id);
  withReport(result).action(run(async () => (await import('./commands/result.js')).resultCommand));

  const phase = new Option('--phase <phase>', 'only pipelines in this phase').choices(phases);
  const list = add('list', 'list the newest pipelines', [
    'list --held',
    'list --failed --runtime 7f3c… --json',
    'list --phase waiting --limit 100',
  ])
    .addOption(phase.conflicts('held'))
    .option('--runtime <runtimeId>', 'only pipelines of this runtime', id)
    .option(
      '--failed',
      'only pipelines that failed, timed out or have failed files, and were not rerun with success',
    )
    .option('--held', 'only pipelines that wait for an operator')
    .option('--running', 'only pipelines that have not ended')
    .option('--retrying', 'only running pipelines with an activity in a later attempt than its first')
    .option('--limit <count>', 'how many to list at most', count, 20);
  withJson(list).action(run(async () => (await import('./commands/list.js')).listCommand));

  const resume = add('resume', 'retry the failed files and jobs of held pipelines', [
    'resume post-run/7f3c…/4d26…',
    'resume post-run/7f3c…/4d26… --path results.csv',
    'resume --all-held --yes',
  ])
    .option('--path <runtimePath>', 'only this failed file (repeatable)', texts)
    .addOption(ifExistsNow());
  withSelection(resume).action(run(async () => (await import('./commands/resume.js')).resumeCommand));

  const abandon = add('abandon', 'end held pipelines as failed, with what they have collected', [
    'abandon post-run/7f3c…/4d26…',
  ]);
  withSelection(abandon).action(run(async () => (await import('./commands/abandon.js')).abandonCommand));

  const cancel = add('cancel', 'request cancellation of running pipelines', [
    'cancel post-run/7f3c…/4d26…',
    'cancel --runtime 7f3c… --yes',
  ]);
  withSelection(cancel).action(run(async () => (await import('./commands/cancel.js')).cancelCommand));

  const addFiles = add('add-files', 'add files to a running pipeline', [
    'add-files post-run/7f3c…/4d26… trace.zip --if-missing warn',
  ])
    .argument(...WORKFLOW_ID)
    .argument('<path...>', "files in the runtime's workspace");
  withJson(withFiles(addFiles)).action(
    run(async () => (await import('./commands/add-files.js')).addFilesCommand),
  );

  const jobFinished = add('job-finished', 'tell a waiting pipeline that its job has ended', [
    'job-finished post-run/7f3c…/4d26… --invocation 4d26…',
    'job-finished post-run/7f3c…/4d26… --status failed',
  ])
    .argument(...WORKFLOW_ID)
    .option('--invocation <id>', "the job; the pipeline asks the API for the job's status", id)
    .addOption(choice('--status <status>', jobStatuses, "the job's status; the API is not asked"));
  withJson(jobFinished).action(
    run(async () => (await import('./commands/job-finished.js')).jobFinishedCommand),
  );

  const setup = add('setup', 'register the search attributes of pipelines with Temporal; safe to repeat', [
    'setup',
  ]);
  withJson(setup).action(run(async () => (await import('./commands/setup.js')).setupCommand));

  const doctor = add('doctor', 'check everything that a pipeline needs, and say how to fix problems', [
    'doctor',
    'doctor --json',
  ]);
  withJson(doctor).action(run(async () => (await import('./commands/doctor.js')).doctorCommand));

  add('codec-server', 'decrypt payloads for the Temporal UI, until Ctrl-C', [
    'codec-server',
    'codec-server --listen 0.0.0.0:8081 --ui-origin https://temporal.example.com --token-file token',
  ])
    .addOption(
      new Option('--listen <address>', 'host:port to listen on')
        .argParser(listenAddress)
        .default(listenAddress('127.0.0.1:8081'), '127.0.0.1:8081'),
    )
    .option('--ui-origin <origin>', 'the Temporal UI (default: that of BCTRL_TEMPORAL_UI_URL)', origin)
    .option('--token-file <file>', 'has the token that the UI must send; needed to listen for other machines')
    .action(run(async () => (await import('./commands/codec-server.js')).codecServerCommand));

  add('completion', 'print a script that completes commands and options in a shell', [
    'source <(bctrl-temporal completion bash)',
  ])
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish', 'powershell']))
    .action(run(async () => (await import('./commands/completion.js')).completionCommand));
  return program;
}

function toHelp(examples: readonly string[]): string {
  const lines = examples.map((example) => `  ${example.includes(NAME) ? '' : `${NAME} `}${example}`);
  return `\nExample${examples.length === 1 ? '' : 's'}:\n${lines.join('\n')}`;
}
