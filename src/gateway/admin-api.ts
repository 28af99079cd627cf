import { Hono } from 'hono';
import { z } from 'zod';
import { ApiError } from './api-error.js';
import { type FaultRule, parseFaultRules } from './faults.js';
import type { GatewayState, RequestStats } from './gateway-state.js';
import { createInvocation, invocationOptionsSchema } from './invocations.js';
import { parseRequest, readJson } from './parse-request.js';

/** What the gateway did, whether or not its clients received the responses. */
export interface GatewaySnapshot extends RequestStats {
  /** All files in the storage, oldest first, including those from before a restart. */
  files: CommittedFile[];
}

/** A file in the gateway's storage. */
export interface CommittedFile {
  /** Id of the file. */
  id: string;
  /** Path in the storage. */
  path: string;
  /** As sent to collect; null for an exported archive. */
  runtimePath: string | null;
  /** Id of the runtime that the file came from. */
  runtimeId: string;
  /** As sent, with the collection key; null if none was sent. */
  metadata: Record<string, unknown> | null;
  /** When it was made: an RFC 3339 date-time. */
  createdAt: string;
}

export function takeSnapshot({ store, stats }: GatewayState): GatewaySnapshot {
  const files = store.files.map(({ id, path, runtimePath, runtimeId, metadata, createdAt }) => ({
    id,
    path,
    runtimePath,
    runtimeId,
    metadata,
    createdAt: new Date(createdAt).toISOString(),
  }));
  return { ...structuredClone(stats), files };
}

const apiKeysSchema = z.array(z.string().min(1));

/** The routes below `/_gateway`, for tests and demos in other processes. They are not part of the bctrl API and need no key. */
export function createAdminApi(state: GatewayState): Hono {
  return new Hono()
    .get('/health', (c) => c.body(null, 204))
    .get('/snapshot', (c) => c.json(takeSnapshot(state)))
    .put('/faults', async (c) => {
      state.faults.setRules(parseRules(await readJson(c.req)));
      return c.body(null, 204);
    })
    .put('/api-keys', async (c) => {
      state.apiKeys = new Set(parseRequest(apiKeysSchema, await readJson(c.req)));
      return c.body(null, 204);
    })
    .post('/invocations', async (c) => {
      const options = parseRequest(invocationOptionsSchema, await readJson(c.req));
      return c.json(createInvocation(state, options), 201);
    });
}

function parseRules(value: unknown): FaultRule[] {
  try {
    return parseFaultRules(value);
  } catch (error) {
    throw error instanceof Error ? new ApiError(400, 'request.invalid', error.message) : error;
  }
}
