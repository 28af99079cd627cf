import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { collectionKeySchema, idSchema } from '../shared/bounded-string.js';
import { type CollectedFile, toCollectedFile } from '../shared/collect.js';
import { externalInput } from '../shared/external-input.js';
import { parseInput } from '../shared/parse-input.js';
import { exportArchiveSchema } from '../shared/pipeline-input.js';
import { type ActivityDependencies, runApiActivity } from './run-api-activity.js';

const exportRunFilesInputSchema = externalInput(
  exportArchiveSchema.extend({
    runId: idSchema,
    /** Any text: the same one makes the archive once. */
    idempotencyKey: collectionKeySchema,
  }),
);
export type ExportRunFilesInput = z.infer<typeof exportRunFilesInputSchema>;

/**
 * Makes a zip of a run's files, once for an idempotency key.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createExportRunFiles(dependencies: ActivityDependencies) {
  return async function exportRunFiles(input: ExportRunFilesInput): Promise<CollectedFile> {
    const { runId, idempotencyKey: key, ...body } = parseInput(exportRunFilesInputSchema, input);
    // A workflow id may hold what no header may.
    const idempotencyKey = createHash('sha256').update(key).digest('hex');
    return await runApiActivity(dependencies, `archive of run ${runId}`, async ({ client, signal }) =>
      toCollectedFile(await client.exportRunFiles(runId, body, { signal, idempotencyKey })),
    );
  };
}
