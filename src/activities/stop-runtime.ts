import { BctrlError } from '../bctrl/bctrl-error.js';
import { externalInput } from '../shared/external-input.js';
import { parseInput } from '../shared/parse-input.js';
import { type RuntimeInput, runtimeInputSchema } from '../shared/runtime-input.js';
import type { ByAccount } from './by-account.js';
import type { ActivityDependencies } from './dependencies.js';
import { runApiActivity } from './run-api-activity.js';

const stopRuntimeInputSchema = externalInput(runtimeInputSchema);

/**
 * Stops a runtime. It succeeds if the runtime is already stopped, so it is safe to repeat.
 *
 * @throws ApplicationFailure with the reasonClass as type and {@link FailureDetails} in `details[0]`
 */
export function createStopRuntime(dependenciesOf: ByAccount<ActivityDependencies>) {
  return async function stopRuntime(input: RuntimeInput): Promise<void> {
    const { account, runtimeId } = parseInput(stopRuntimeInputSchema, input);
    await runApiActivity(dependenciesOf(account), `runtime ${runtimeId}`, async ({ client, signal }) => {
      try {
        await client.stopRuntime(runtimeId, { signal });
      } catch (error) {
        if (!(error instanceof BctrlError) || error.code !== 'runtime.not_active') throw error;
      }
    });
  };
}
