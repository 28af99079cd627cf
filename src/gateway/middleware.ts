import type { MiddlewareHandler } from 'hono';
import { ApiError } from './api-error.js';
import type { FaultMatcher } from './fault-matcher.js';
import type { Operation } from './faults.js';
import type { HttpContext, HttpEnv } from './http-env.js';
import { injectFault } from './inject-fault.js';
import { increment, type RequestStats } from './request-stats.js';

/** Counts a request of the operation and what came of it. */
export function countRequests(operation: Operation, stats: RequestStats): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    increment(stats.requests, operation);
    stats.inFlight += 1;
    stats.maxInFlight = Math.max(stats.maxInFlight, stats.inFlight);
    try {
      await next();
    } finally {
      stats.inFlight -= 1;
    }
    if (c.var.dropped) return;
    const responses = stats.responses[operation] ?? {};
    stats.responses[operation] = responses;
    increment(responses, String(c.res.status));
  };
}

export function authenticate(apiKeys: readonly string[]): MiddlewareHandler<HttpEnv> {
  const accepted = new Set(apiKeys);
  return async (c, next) => {
    const [, key] = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
    if (key === undefined || !accepted.has(key)) throw new ApiError(401);
    await next();
  };
}

/** Lets the faults happen that the rules of the moment want. */
export function injectFaults(
  operation: Operation,
  { stats, matcher, closing }: { stats: RequestStats; matcher: () => FaultMatcher; closing: AbortSignal },
): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    if (matcher().isEmpty) return next();
    const runtimePath = await readRuntimePath(c);
    const fault = matcher().match(operation, runtimePath);
    if (!fault) return next();
    increment(stats.faults, fault.kind);
    return injectFault(c, fault, next, closing);
  };
}

async function readRuntimePath(c: HttpContext): Promise<string | undefined> {
  try {
    return JSON.parse(await c.req.text())?.runtimePath;
  } catch {
    return undefined;
  }
}
