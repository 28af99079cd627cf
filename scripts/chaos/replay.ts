import { fileURLToPath } from 'node:url';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { groupBy } from './group-by.js';
import type { RunHistory } from './histories.js';

const BUNDLE = fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url));

/** Of each kind of pipeline and end of a run. */
const MAX_SAMPLES = 4;

/** Replays a sample of the histories on the built workflows. */
export async function replaySample(
  histories: readonly RunHistory[],
): Promise<{ toReplay: number; replayed: number; problems: string[] }> {
  const closed = histories.filter(({ fact }) => fact.status !== 'running');
  const kinds = groupBy(closed, ({ workflowId, fact }) => `${workflowId.replace(/\d+/, '')} ${fact.status}`);
  const sample = [...kinds.values()].flatMap((group) => group.slice(0, MAX_SAMPLES));
  installQuietRuntime();
  const problems: string[] = [];
  let replayed = 0;
  const results = Worker.runReplayHistories(
    { workflowBundle: { codePath: BUNDLE } },
    sample.map(({ workflowId, history }) => ({ workflowId, history })),
  );
  for await (const { workflowId, runId, error } of results) {
    replayed += 1;
    if (error) problems.push(`${workflowId} ${runId}: ${error.message}`);
  }
  return { toReplay: sample.length, replayed, problems };
}

let isInstalled = false;

function installQuietRuntime(): void {
  if (isInstalled) return;
  isInstalled = true;
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
}
