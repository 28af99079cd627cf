import { z } from 'zod';
import { BctrlError } from '../bctrl/bctrl-error.js';
import { idSchema } from '../shared/bounded-string.js';
import { externalInput } from '../shared/external-input.js';
import { parseInput } from '../shared/parse-input.js';
import { type ActivityDependencies, runApiActivity } from './run-api-activity.js';

const getActiveRunInputSchema = externalInput(z.strictObject({ runtimeId: idSchema }));
export type GetActiveRunInput = z.infer<typeof getActiveRunInputSchema>;

/**
 * The id of the run that a runtime is in.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`;
 *   `conflict` with the code `runtime.not_active` for a runtime without a run
 */
export function createGetActiveRun(dependencies: ActivityDependencies) {
  return async function getActiveRun(input: GetActiveRunInput): Promise<string> {
    const { runtimeId } = parseInput(getActiveRunInputSchema, input);
    return await runApiActivity(dependencies, `runtime ${runtimeId}`, async ({ client, signal }) => {
      const { activeRunId } = await client.getRuntime(runtimeId, { signal });
      if (activeRunId !== null) return activeRunId;
      throw new BctrlError('the runtime has no active run', {
        reasonClass: 'conflict',
        code: 'runtime.not_active',
        mayHaveSucceeded: false,
      });
    });
  };
}
