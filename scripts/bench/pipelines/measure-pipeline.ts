import { randomUUID } from 'node:crypto';
import type { PipelineReport } from '../../../src/index.js';
import { filePaths } from '../file-path.js';
import { assertEachOnce } from '../gateway/assert-each-once.js';
import type { GatewayLoad } from '../gateway/gateway.js';
import { runStarter } from '../run-starter.js';
import type { Session } from '../session.js';
import { countServerActions, type ServerActions } from './count-server-actions.js';
import { type Execution, readExecution } from './read-execution.js';

export interface PipelineFigures extends Execution, ServerActions {
  readonly files: number;
  readonly gateway: GatewayLoad;
}

/** Runs one pipeline as a user does, and checks that the gateway has each file exactly once. */
export async function measurePipeline(session: Session, files: number): Promise<PipelineFigures> {
  const { client, gateway, taskQueue } = session;
  const { result, actions } = await countServerActions(session, () =>
    gateway.observe(() => runPipeline(session, taskQueue, files)),
  );
  const execution = await readExecution(client, result.result);
  return { ...execution, ...actions, files, gateway: result.load };
}

/** Starts a pipeline with the starter, without its `--wait`: the queries of its progress would be measured too. */
export async function runPipeline(session: Session, taskQueue: string, files: number): Promise<string> {
  const { processes, server, client, gateway } = session;
  const runtimeId = randomUUID();
  const paths = filePaths(files);
  const env = { TEMPORAL_ADDRESS: server.address, BCTRL_TASK_QUEUE: taskQueue };
  const { stdout } = await runStarter(processes, ['start', runtimeId, ...paths], env);
  const workflowId = stdout.trim();
  const { counts } = (await client.workflow.getHandle(workflowId).result()) as PipelineReport;
  if (counts.files !== files || counts.collected !== files) {
    throw new Error(
      `The report of ${workflowId} counts ${counts.collected} of ${counts.files} files, not ${files}`,
    );
  }
  assertEachOnce(paths, await gateway.takeBooks(runtimeId));
  return workflowId;
}
