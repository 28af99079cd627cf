import type { BctrlClientHooks } from '../bctrl/client-hooks.js';

/** One observer for several; none where there are none, so that a client without pays nothing. */
export function combineHooks(hooks: readonly BctrlClientHooks[]): BctrlClientHooks | undefined {
  if (hooks.length <= 1) return hooks[0];
  return {
    onRequest(operation) {
      for (const each of hooks) each.onRequest(operation);
    },
    onResponse(operation, status) {
      for (const each of hooks) each.onResponse(operation, status);
    },
    onRateLimitPause(durationMs) {
      for (const each of hooks) each.onRateLimitPause(durationMs);
    },
  };
}
