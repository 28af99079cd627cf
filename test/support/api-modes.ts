import type { GatewayOptions } from '../../src/testing.js';

export interface ApiMode {
  readonly gateway: Partial<GatewayOptions>;
  /** Variables of the worker. */
  readonly env: Readonly<Record<string, string>>;
}

/** Kinds of API that the product supports: ids are opaque, and the listing may lag behind the files. */
export const apiModes: Readonly<Record<string, ApiMode>> = {
  'UUIDs, and a listing that shows every file at once': {
    gateway: { idStyle: 'uuid' },
    env: { BCTRL_LIST_SETTLE_TIME: '1ms' },
  },
  'prefixed ids, and a listing that lags by 3 s, which the default settling time covers': {
    gateway: { idStyle: 'prefixed', listLagMs: 3_000 },
    env: {},
  },
};
