import type { ListCommandOptions } from '../actions/list.js';
import type { Commands } from '../program.js';
import type { ShowOptions } from '../show/wait-and-print.js';
import { choice, count, id, withJson, withReport } from './options.js';

/** Commands that only look. */
export function addLookingCommands({ add, end, io }: Commands): void {
  const status = add('status', 'how a pipeline is, what has failed, and what can be done', [
    'status post-run/7f3c…/4d26…',
    'status post-run/7f3c…/4d26… --json',
  ]).argument('<workflowId>', 'as `start` and `list` print it', id);
  withJson(status).action(async (workflowId: string, options: { json?: boolean }) => {
    const { statusCommand } = await import('../actions/status.js');
    end(await statusCommand(io, workflowId, options));
  });

  const watch = add('watch', 'show progress until a pipeline has ended, then its report', [
    'watch post-run/7f3c…/4d26…',
    'watch post-run/7f3c…/4d26… --timeout 10m',
  ]).argument('<workflowId>', 'as `start` and `list` print it', id);
  withReport(watch).action(async (workflowId: string, options: ShowOptions) => {
    const { watchCommand } = await import('../actions/result.js');
    end(await watchCommand(io, workflowId, options));
  });

  const result = add('result', 'wait until a pipeline has ended, and show its report', [
    'result post-run/7f3c…/4d26… --json',
    'result post-run/7f3c…/4d26… --all',
  ]).argument('<workflowId>', 'as `start` and `list` print it', id);
  withReport(result).action(async (workflowId: string, options: ShowOptions) => {
    const { resultCommand } = await import('../actions/result.js');
    end(await resultCommand(io, workflowId, options));
  });

  const list = add('list', 'the newest pipelines', [
    'list --held',
    'list --failed --runtime 7f3c… --json',
    'list --phase waiting --limit 100',
  ])
    .addOption(
      choice('--phase <phase>', 'only those in this phase', [
        'waiting',
        'collecting',
        'held',
        'finishing',
        'done',
      ]).conflicts('held'),
    )
    .option('--runtime <runtimeId>', 'only those of this runtime', id)
    .option('--failed', 'only those that failed, or have failed files')
    .option('--held', 'only those that wait for an operator')
    .option('--running', 'only those that have not ended')
    .option('--limit <count>', 'how many at most', count, 20);
  withJson(list).action(async (options: ListCommandOptions) => {
    const { listCommand } = await import('../actions/list.js');
    end(await listCommand(io, options));
  });
}
