import type { Hono } from 'hono';
import { ApiError } from './api-error.js';
import type { Books } from './books.js';
import type { FaultPicker } from './fault-picker.js';
import { type FaultRule, parseFaultRules } from './faults.js';
import type { HttpEnv } from './http-env.js';
import { type Invocation, type InvocationOptions, invocationOptionsSchema } from './invocations.js';
import { parseRequest, readJson } from './parse-request.js';
import type { Traffic } from './traffic.js';

/** What the process that runs the gateway can see and do. */
export interface Controls {
  traffic: Traffic;
  picker: () => FaultPicker;
  books(): Books;
  setFaults(rules: readonly FaultRule[]): void;
  createInvocation(options: InvocationOptions): Invocation;
}

/**
 * The same for tests and demos in another process. These paths lie outside of /v1 and need no API key: they are
 * the gateway's own and no part of the bctrl API.
 */
export function addControlPlane(app: Hono<HttpEnv>, controls: Controls): void {
  app.get('/_gateway/health', (c) => c.body(null, 204));

  app.get('/_gateway/books', (c) => c.json(controls.books()));

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
