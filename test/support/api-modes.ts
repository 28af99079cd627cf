import type { GatewayOptions } from '../../src/testing.js';

/** What an API may be like, whose ids are opaque and whose listing may be kept by another machine than its files. */
export const apiModes = {
  'UUIDs, and a listing that shows every file at once': { idStyle: 'uuid', listLagMs: 0 },
  // Less than the default settle time.
  'prefixed ids, and a listing that lags by 3 s': { idStyle: 'prefixed', listLagMs: 3_000 },
} as const satisfies Readonly<Record<string, Partial<GatewayOptions>>>;
