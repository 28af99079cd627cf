import { randomUUID } from 'node:crypto';
import { filePaths } from '../file-path.js';
import type * as workflows from '../noop/workflows.js';
import type { Session } from '../session.js';
import { countServerActions, type ServerActions } from './count-server-actions.js';
import { type Execution, readExecution } from './read-execution.js';

/** As many as a worker of the SDK executes at once, unless it is told otherwise. */
export const NOOP_WINDOW = 100;

export interface NoopFigures extends Execution, ServerActions {
  readonly files: number;
}

/** What a user would write, with one activity for each file; here it does nothing, which leaves what Temporal takes. */
export async function measureNoopPipeline(session: Session): Promise<NoopFigures> {
  const { client, plan, noopTaskQueue: taskQueue } = session;
  const workflowId = `noop-${randomUUID()}`;
  const { actions } = await countServerActions(session, () =>
    client.workflow.execute<typeof workflows.noopForEach>('noopForEach', {
      workflowId,
      taskQueue,
      args: [{ paths: filePaths(plan.noopFiles), atOnce: NOOP_WINDOW }],
    }),
  );
  return { ...(await readExecution(client, workflowId)), ...actions, files: plan.noopFiles };
}
