import { z } from 'zod';
import { ApiError } from './api-error.js';
import type { GatewayState } from './gateway-state.js';
import { parseRequest } from './parse-request.js';
import { sleep } from './pause.js';
import { findActiveRuntime } from './runtimes.js';

const finalStatuses = ['succeeded', 'failed', 'cancelled', 'timed_out'] as const;

export interface InvocationOptions {
  runtimeId: string;
  /** It runs for this long and then has its final status; 0 means that it has it from the start. */
  durationMs: number;
  /** The final status; without it `failed` if there is an error, else `succeeded`. */
  status?: (typeof finalStatuses)[number];
  output?: unknown;
  error?: { code: string; message: string; details?: Record<string, unknown> };
  /** Default `act`. */
  action?: string;
}

/** As `GET /v1/invocations/{invocationId}` answers. */
export interface Invocation {
  id: string;
  runtimeId: string;
  runId: string;
  action: string;
  status: 'running' | (typeof finalStatuses)[number];
  output?: unknown;
  error?: InvocationOptions['error'];
  createdAt: string;
  startedAt: string;
  finishedAt?: string;
  durationSeconds?: number;
}

/** Its status follows from the clock, so it also goes on while the gateway is down. */
export interface StoredInvocation extends InvocationOptions {
  id: string;
  runId: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

export const invocationOptionsSchema: z.ZodType<InvocationOptions> = z.strictObject({
  runtimeId: z.string(),
  durationMs: z.number().min(0),
  status: z.enum(finalStatuses).exactOptional(),
  output: z.unknown().exactOptional(),
  error: z
    .strictObject({
      code: z.string(),
      message: z.string(),
      details: z.record(z.string(), z.unknown()).exactOptional(),
    })
    .exactOptional(),
  action: z.string().exactOptional(),
});

/** Throws `runtime.not_found` or `runtime.not_active`. */
export function createInvocation(state: GatewayState, options: InvocationOptions): Invocation {
  const { runId } = findActiveRuntime(state, options.runtimeId);
  const stored = { ...options, id: state.ids.create('invocation'), runId, createdAt: state.now() };
  state.store.addInvocation(stored);
  return toInvocation(stored, state.now());
}

/** GET /v1/invocations/{invocationId} */
export function findInvocation(state: GatewayState, id: string): Invocation {
  return toInvocation(findStored(state, id), state.now());
}

const waitRequestSchema = z.object({ timeoutSeconds: z.number().min(0).exactOptional() });

/** How long a poll takes at most, whatever it asks for, and what it takes if it asks for nothing. */
const LONGEST_WAIT_SECONDS = 60;
const USUAL_WAIT_SECONDS = 30;

/** POST /v1/runtimes/{runtimeId}/invocations/{invocationId}/wait; `gone` aborts when the client leaves. */
export async function waitForInvocation(
  state: GatewayState,
  ids: { runtimeId: string; invocationId: string },
  body: unknown,
  clientSignal: AbortSignal,
) {
  const { timeoutSeconds = USUAL_WAIT_SECONDS } = parseRequest(waitRequestSchema, body);
  const stored = findStored(state, ids.invocationId);
  if (stored.runtimeId !== ids.runtimeId) throw invocationNotFound();
  const deadline = performance.now() + Math.min(timeoutSeconds, LONGEST_WAIT_SECONDS) * 1_000;
  while (!clientSignal.aborted && !state.closing.aborted) {
    const leftMs = Math.min(finishesAt(stored) - state.now(), deadline - performance.now());
    if (leftMs <= 0) break;
    await sleep(Math.ceil(leftMs), clientSignal, state.closing);
  }
  const invocation = toInvocation(stored, state.now());
  return invocation.status === 'running'
    ? { ...invocation, waitStatus: 'timeout', retryAfterSeconds: 1 }
    : { ...invocation, waitStatus: 'completed' };
}

function findStored({ store }: GatewayState, id: string): StoredInvocation {
  const stored = store.invocation(id);
  if (!stored) throw invocationNotFound();
  return stored;
}

function invocationNotFound(): ApiError {
  return new ApiError(404, 'invocation.not_found', 'There is no such invocation.');
}

function finishesAt({ createdAt, durationMs }: StoredInvocation): number {
  return createdAt + durationMs;
}

function toInvocation(stored: StoredInvocation, now: number): Invocation {
  const { id, runtimeId, runId, action = 'act', durationMs, output, error } = stored;
  const createdAt = new Date(stored.createdAt).toISOString();
  const common = { id, runtimeId, runId, action, createdAt, startedAt: createdAt };
  if (now < finishesAt(stored)) return { ...common, status: 'running' };
  return {
    ...common,
    status: stored.status ?? (error ? 'failed' : 'succeeded'),
    ...(output === undefined ? {} : { output }),
    ...(error === undefined ? {} : { error }),
    finishedAt: new Date(finishesAt(stored)).toISOString(),
    durationSeconds: durationMs / 1_000,
  };
}
