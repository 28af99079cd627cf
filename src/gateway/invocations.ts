import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ApiError } from './api-error.js';
import type { GatewayState } from './gateway-state.js';
import { parseRequest } from './parse-request.js';
import { findActiveRuntime } from './runtimes.js';
import type { InvocationOptions, StoredInvocation } from './stored.js';

/** The body of `GET /v1/invocations/{invocationId}`. */
export interface Invocation {
  /** Id of the invocation. */
  id: string;
  /** Id of its runtime. */
  runtimeId: string;
  /** Id of the run that it belongs to. */
  runId: string;
  /** What it does, such as `act`. */
  action: string;
  /** `running` until its duration is over. */
  status: 'running' | NonNullable<InvocationOptions['status']>;
  /** What its action returned. Absent while it runs, and if there is none. */
  output?: unknown;
  /** Why it failed. Absent while it runs, and if it did not fail. */
  error?: InvocationOptions['error'];
  /** When it was made: an RFC 3339 date-time. */
  createdAt: string;
  /** When it started: an RFC 3339 date-time. */
  startedAt: string;
  /** When it ended: an RFC 3339 date-time. Absent while it runs. */
  finishedAt?: string;
  /** How long it ran, in seconds. Absent while it runs. */
  durationSeconds?: number;
}

export const invocationOptionsSchema: z.ZodType<InvocationOptions> = z.strictObject({
  runtimeId: z.string(),
  durationMs: z.number().min(0),
  status: z.enum(['succeeded', 'failed', 'cancelled', 'timed_out']).exactOptional(),
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
export function getInvocation(state: GatewayState, id: string): Invocation {
  return toInvocation(findInvocation(state, id), state.now());
}

const waitRequestSchema = z.object({ timeoutSeconds: z.number().min(0).exactOptional() });

/** The contract names neither a maximum nor a default; these are usual for long polls. */
const MAX_WAIT_SECONDS = 60;
const DEFAULT_WAIT_SECONDS = 30;

/** POST /v1/runtimes/{runtimeId}/invocations/{invocationId}/wait; the client's signal aborts when the client leaves. */
export async function waitForInvocation(
  state: GatewayState,
  { runtimeId, invocationId }: { runtimeId: string; invocationId: string },
  body: unknown,
  clientSignal: AbortSignal,
) {
  const { timeoutSeconds = DEFAULT_WAIT_SECONDS } = parseRequest(waitRequestSchema, body);
  const stored = findInvocation(state, invocationId);
  if (stored.runtimeId !== runtimeId) throw invocationNotFound();
  const deadline = performance.now() + Math.min(timeoutSeconds, MAX_WAIT_SECONDS) * 1_000;
  const signal = AbortSignal.any([clientSignal, state.closing]);
  while (!signal.aborted) {
    const remainingMs = Math.min(getFinishTime(stored) - state.now(), deadline - performance.now());
    if (remainingMs <= 0) break;
    await sleep(Math.ceil(remainingMs), undefined, { signal }).catch(() => {});
  }
  const invocation = toInvocation(stored, state.now());
  return invocation.status === 'running'
    ? { ...invocation, waitStatus: 'timeout', retryAfterSeconds: 1 }
    : { ...invocation, waitStatus: 'completed' };
}

function findInvocation({ store }: GatewayState, id: string): StoredInvocation {
  const stored = store.invocationById(id);
  if (!stored) throw invocationNotFound();
  return stored;
}

function invocationNotFound(): ApiError {
  return new ApiError(404, 'invocation.not_found', 'There is no such invocation.');
}

function getFinishTime({ createdAt, durationMs }: StoredInvocation): number {
  return createdAt + durationMs;
}

function toInvocation(stored: StoredInvocation, now: number): Invocation {
  const { id, runtimeId, runId, action = 'act', durationMs, output, error } = stored;
  const createdAt = new Date(stored.createdAt).toISOString();
  const common = { id, runtimeId, runId, action, createdAt, startedAt: createdAt };
  if (now < getFinishTime(stored)) return { ...common, status: 'running' };
  return {
    ...common,
    status: stored.status ?? (error ? 'failed' : 'succeeded'),
    ...(output === undefined ? {} : { output }),
    ...(error === undefined ? {} : { error }),
    finishedAt: new Date(getFinishTime(stored)).toISOString(),
    durationSeconds: durationMs / 1_000,
  };
}
