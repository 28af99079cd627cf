import { startWorkflow } from '../../client/start-workflow.js';
import { collectWorkflowId } from '../../client/workflow-id.js';
import type { ExitCode } from '../../exit.js';
import { isPlainMarkdown, toCodeSpan, truncatePath } from '../../shared/display-text.js';
import type { Duration } from '../../shared/duration.js';
import { COLLECT_FILE } from '../../shared/names.js';
import { collectFileInputSchema } from '../../shared/pipeline-input.js';
import { searchAttributes } from '../../shared/search-attributes.js';
import { parseFields } from '../input/parse-fields.js';
import type { Io } from '../io.js';
import { withTemporal } from '../temporal/session.js';
import { announceStart } from './announce-start.js';
import { type WaitCommandOptions, waitAndPrint } from './wait-and-print.js';

interface CollectOptions extends WaitCommandOptions {
  readonly to?: string;
  readonly ifExists?: string;
  readonly appearsWithin?: Duration;
  readonly giveUpAfter?: Duration;
  readonly again?: boolean;
}

/** `collect`: collects one file and waits for it. */
export async function collectCommand(
  io: Io,
  runtimeId: string,
  runtimePath: string,
  { to, ifExists, appearsWithin, giveUpAfter, again, ...options }: CollectOptions,
): Promise<ExitCode> {
  const input = parseFields(collectFileInputSchema, {
    runtimeId,
    runtimePath,
    destinationPath: to,
    ifExists,
    appearsWithin,
    giveUpAfter,
  });
  const workflowId = collectWorkflowId(input);
  const path = truncatePath(runtimePath);
  return await withTemporal(io, async (session) => {
    const { client, config } = session;
    const started = await startWorkflow(client, {
      workflowType: COLLECT_FILE,
      workflowId,
      taskQueue: config.taskQueue,
      input,
      summary: isPlainMarkdown(path) ? path : toCodeSpan(path),
      details: `${toCodeSpan(path)} of runtime ${toCodeSpan(truncatePath(runtimeId))}`,
      searchAttributes: [{ key: searchAttributes.runtimeId, value: runtimeId }],
      again: again ? 'always' : undefined,
    });
    announceStart(session, io, { workflowId, ...started });
    const handle = client.workflow.getHandle(workflowId);
    return await waitAndPrint(session, io, handle, { ...options, showProgress: true });
  });
}
