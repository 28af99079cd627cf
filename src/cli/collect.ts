import type { ExitCode } from '../exit.js';
import type { Duration } from '../shared/duration.js';
import { COLLECT_FILE } from '../shared/names.js';
import { shortPath } from '../shared/one-line.js';
import { collectFileInputSchema } from '../shared/pipeline-input.js';
import { withTemporal } from './connect.js';
import type { Io } from './io.js';
import { parseInput } from './parse-input.js';
import { type ShowOptions, showResult } from './show-result.js';
import { startWorkflow } from './start-workflow.js';
import { collectWorkflowId } from './workflow-id.js';

export interface CollectCommandOptions extends ShowOptions {
  readonly to?: string;
  readonly giveUpAfter?: Duration;
  readonly again?: boolean | undefined;
}

/** `collect`: collects one file and waits for it. */
export async function collectCommand(
  io: Io,
  runtimeId: string,
  runtimePath: string,
  options: CollectCommandOptions,
): Promise<ExitCode> {
  const input = parseInput(collectFileInputSchema, {
    runtimeId,
    runtimePath,
    destinationPath: options.to,
    giveUpAfter: options.giveUpAfter,
  });
  return await withTemporal(async (session) => {
    const { handle } = await startWorkflow(session, io, {
      workflowType: COLLECT_FILE,
      workflowId: collectWorkflowId(runtimeId, runtimePath, options.to),
      input,
      summary: shortPath(runtimePath),
      details: `\`${shortPath(runtimePath)}\` of runtime ${shortPath(runtimeId)}`,
      again: options.again,
    });
    return await showResult(session, io, handle, options);
  });
}
