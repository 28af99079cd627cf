import { createHash } from 'node:crypto';
import { type ExportRunFilesInput, exportRunFilesInputSchema } from '../shared/archive.js';
import { type CollectedFile, toCollectedFile } from '../shared/collect.js';
import { parseInput } from '../shared/parse-input.js';
import type { ByAccount } from './by-account.js';
import type { ActivityDependencies } from './dependencies.js';
import { runApiActivity } from './run-api-activity.js';

/**
 * Creates a zip of a run's files, once per idempotency key.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createExportRunFiles(dependenciesOf: ByAccount<ActivityDependencies>) {
  return async function exportRunFiles(input: ExportRunFilesInput): Promise<CollectedFile> {
    const { account, runId, idempotencyKey: key, ...body } = parseInput(exportRunFilesInputSchema, input);
    // The key contains a workflow id, which may have characters that a header cannot carry.
    const idempotencyKey = createHash('sha256').update(key).digest('hex');
    return await runApiActivity(
      dependenciesOf(account),
      `archive of run ${runId}`,
      async ({ client, signal }) =>
        toCollectedFile(await client.exportRunFiles(runId, body, { signal, idempotencyKey })),
    );
  };
}
