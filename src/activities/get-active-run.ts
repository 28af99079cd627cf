import { BctrlError } from '../bctrl/bctrl-error.js';
import { externalInput } from '../shared/external-input.js';
import { parseInput } from '../shared/parse-input.js';
import { type RuntimeInput, runtimeInputSchema } from '../shared/runtime-input.js';
import type { ByAccount } from './by-account.js';
import type { ActivityDependencies } from './dependencies.js';
import { runApiActivity } from './run-api-activity.js';

const getActiveRunInputSchema = externalInput(runtimeInputSchema);

/**
 * Returns the id of a runtime's active run.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`; `conflict`
 *   with code `runtime.not_active` if there is no active run
 */
export function createGetActiveRun(dependenciesOf: ByAccount<ActivityDependencies>) {
  return async function getActiveRun(input: RuntimeInput): Promise<string> {
    const { account, runtimeId } = parseInput(getActiveRunInputSchema, input);
    return await runApiActivity(
      dependenciesOf(account),
      `runtime ${runtimeId}`,
      async ({ client, signal }) => {
        const { activeRunId } = await client.getRuntime(runtimeId, { signal });
        if (activeRunId !== null) return activeRunId;
        throw new BctrlError('the runtime has no active run', {
          reasonClass: 'conflict',
          code: 'runtime.not_active',
          mayHaveSucceeded: false,
        });
      },
    );
  };
}
