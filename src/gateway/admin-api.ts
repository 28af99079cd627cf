import type { Hono } from 'hono';
import { ApiError } from './api-error.js';
import type { FaultMatcher } from './fault-matcher.js';
import { type FaultRule, parseFaultRules } from './faults.js';
import type { HttpEnv } from './http-env.js';
import { type Invocation, type InvocationOptions, invocationOptionsSchema } from './invocations.js';
import { parseRequest, readJson } from './parse-request.js';
import type { RequestStats } from './request-stats.js';
import type { GatewaySnapshot } from './snapshot.js';

/** What the process that runs the gateway can see and do. */
export interface AdminApi {
  stats: RequestStats;
  matcher: () => FaultMatcher;
  snapshot(): GatewaySnapshot;
  setFaults(rules: readonly FaultRule[]): void;
  createInvocation(options: InvocationOptions): Invocation;
}

/**
 * The same for tests and demos in another process. These paths lie outside of /v1 and need no API key: they are
 * the gateway's own and no part of the bctrl API.
 */
export function addAdminRoutes(app: Hono<HttpEnv>, controls: AdminApi): void {
  app.get('/_gateway/health', (c) => c.body(null, 204));

  app.get('/_gateway/snapshot', (c) => c.json(controls.snapshot()));

  app.put('/_gateway/faults', async (c) => {
    controls.setFaults(parseRules(await readJson(c.req)));
    return c.body(null, 204);
  });

  app.post('/_gateway/invocations', async (c) => {
    const options = parseRequest(invocationOptionsSchema, await readJson(c.req));
    return c.json(controls.createInvocation(options), 201);
  });
}

function parseRules(value: unknown): FaultRule[] {
  try {
    return parseFaultRules(value);
  } catch (error) {
    throw error instanceof Error ? new ApiError(400, 'request.invalid', error.message) : error;
  }
}
