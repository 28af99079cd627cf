import { createRequire } from 'node:module';
import type { HistoryAndWorkflowId } from '@temporalio/client';
import type { ReplayWorkerOptions } from '@temporalio/worker';
import { failureConverterPath } from '../create-encryption.js';
import { addInterceptors, workflowBundle, workflowsPath } from '../own-workflows.js';
import { nameHistories, readHistories } from './read-histories.js';

/** What `replayHistories` replays, on which workflows. */
export interface ReplayHistoriesOptions {
  /**
   * A folder of histories, one in each `*.json`, as `temporal workflow show --output json` prints them; or histories from a
   * client, such as `client.workflow.list({ query }).intoHistories()`.
   */
  readonly histories: string | Iterable<HistoryAndWorkflowId> | AsyncIterable<HistoryAndWorkflowId>;
  /** The file with your workflows. Default: the workflows of this package. */
  readonly workflowsPath?: string | undefined;
  /** Your workflows, bundled before. It takes precedence over `workflowsPath`. */
  readonly workflowBundle?: ReplayWorkerOptions['workflowBundle'] | undefined;
  /** The plugins of your worker, if they change its workflows or its data converter. */
  readonly plugins?: ReplayWorkerOptions['plugins'] | undefined;
  /** The data converter of your worker, such as that of `createEncryption`. Default: the histories are not encrypted. */
  readonly dataConverter?: ReplayWorkerOptions['dataConverter'] | undefined;
}

/**
 * Replays recorded histories against the workflows as they are now, for a test that runs before every deploy.
 *
 * @returns how many histories were replayed
 * @throws AggregateError naming each history that does not replay, and why; Error for a folder without histories, or for a file
 *   that is none
 */
export async function replayHistories(options: ReplayHistoriesOptions): Promise<{
  /** Number of histories. */
  replayed: number;
}> {
  const { histories } = options;
  const dataConverter = toReplayConverter(options.dataConverter);
  // Its native core is loaded only here, so that other tests start fast. Jest does not know a dynamic import.
  const { Worker }: typeof import('@temporalio/worker') = createRequire(import.meta.url)(
    '@temporalio/worker',
  );
  const workerOptions = {
    ...selectWorkflows({ ...options, dataConverter }),
    ...(dataConverter && { dataConverter }),
  };
  const names: string[] = [];
  const failures: Error[] = [];
  // Each history is replayed before the next is read.
  async function* record(): AsyncGenerator<HistoryAndWorkflowId> {
    const named = typeof histories === 'string' ? readHistories(histories) : nameHistories(histories);
    for await (const { name, ...history } of named) {
      names.push(name);
      yield history;
    }
  }
  for await (const { error } of Worker.runReplayHistories(workerOptions, record())) {
    if (error) failures.push(new Error(`${names.at(-1)}: ${error.message}`, { cause: error }));
  }
  if (failures.length > 0) throw toReplayError(failures, names.length);
  return { replayed: names.length };
}

function selectWorkflows(options: ReplayHistoriesOptions) {
  const { plugins } = options;
  const others = plugins && { plugins };
  if (options.workflowBundle !== undefined) return { workflowBundle: options.workflowBundle, ...others };
  if (options.workflowsPath !== undefined) return { workflowsPath: options.workflowsPath, ...others };
  const { payloadConverterPath, failureConverterPath: failurePath } = options.dataConverter ?? {};
  // These may have something to bundle with the workflows.
  const changesBundle = [plugins, payloadConverterPath, failurePath].some((each) => each !== undefined);
  if (workflowBundle !== undefined && !changesBundle) return { workflowBundle };
  const own = { name: 'bctrl-temporal.interceptors', configureBundler: addInterceptors };
  return { workflowsPath, plugins: [...(plugins ?? []), own] };
}

/** Without the failure converter of `createEncryption`, which is needed to write only, and would make what fails unreadable. */
function toReplayConverter(dataConverter: ReplayHistoriesOptions['dataConverter']) {
  if (dataConverter?.failureConverterPath !== failureConverterPath()) return dataConverter;
  const { failureConverterPath: _, ...converter } = dataConverter ?? {};
  return converter;
}

function toReplayError(failures: readonly Error[], total: number): AggregateError {
  const lines = failures.map(({ message }) => `- ${message}`);
  return new AggregateError(
    failures,
    [`${failures.length} of ${total} histories do not replay:`, ...lines].join('\n'),
  );
}
