import type { MiddlewareHandler } from 'hono';
import { ApiError } from './api-error.js';
import type { FaultPicker } from './fault-picker.js';
import type { Operation } from './faults.js';
import type { HttpContext, HttpEnv } from './http-env.js';
import { injectFault } from './inject-fault.js';
import { countOne, type Traffic } from './traffic.js';

/** Counts a request of the operation and what came of it. */
export function observe(operation: Operation, traffic: Traffic): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    countOne(traffic.requests, operation);
    traffic.inFlight += 1;
    traffic.mostInFlight = Math.max(traffic.mostInFlight, traffic.inFlight);
    try {
      await next();
    } finally {
      traffic.inFlight -= 1;
    }
    if (c.var.dropped) return;
    const answers = traffic.answers[operation] ?? {};
    traffic.answers[operation] = answers;
    countOne(answers, String(c.res.status));
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
export function disturb(
  operation: Operation,
  { traffic, picker, closing }: { traffic: Traffic; picker: () => FaultPicker; closing: AbortSignal },
): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    if (picker().idle) return next();
    const runtimePath = await readRuntimePath(c);
    const fault = picker().pick(operation, runtimePath);
    if (!fault) return next();
    countOne(traffic.faults, fault.kind);
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
