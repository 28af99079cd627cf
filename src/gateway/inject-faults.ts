import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context, MiddlewareHandler, Next } from 'hono';
import { ApiError, isErrorStatus, toErrorResponse } from './api-error.js';
import type { Fault, Operation } from './faults.js';
import { type GatewayState, increment } from './gateway-state.js';

export interface HttpEnv {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    /** A fault has closed the connection, so there is no response to count. */
    connectionClosed: boolean;
  };
}

export type HttpContext = Context<HttpEnv>;

/** Applies the fault, if any, that the current rules have for a request. */
export function injectFaults(
  operation: Operation,
  { faults, stats, closing }: GatewayState,
): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    if (faults.isEmpty()) return next();
    // The body is read before any delay, while the client is still there.
    const runtimePath = await readRuntimePath(c);
    const fault = faults.match(operation, runtimePath);
    if (!fault) return next();
    increment(stats.faults, fault.kind);
    return applyFault(c, fault, next, closing);
  };
}

async function readRuntimePath(c: HttpContext): Promise<unknown> {
  try {
    return JSON.parse(await c.req.text())?.runtimePath;
  } catch {
    return undefined;
  }
}

const HTML_PAGE = '<!doctype html><title>Welcome</title><h1>It works!</h1>';

async function applyFault(c: HttpContext, fault: Fault, next: Next, closing: AbortSignal): Promise<void> {
  const { socket } = c.env.incoming;
  switch (fault.kind) {
    case 'respond':
      return replaceResponse(c, toResponse(fault, c.var.requestId));
    case 'delay':
      await sleep(fault.delayMs, undefined, { signal: closing }).catch(() => {});
      return closing.aborted ? markResponseSent(c) : next();
    case 'reset':
      socket.resetAndDestroy();
      return markResponseSent(c);
    case 'drop-response':
      await next();
      socket.destroy();
      return markResponseSent(c);
    case 'malformed-response':
      await next();
      return replaceResponse(c, new Response(HTML_PAGE, { headers: { 'content-type': 'text/html' } }));
    case 'truncated-response':
      await next();
      await sendHalf(c);
      return markResponseSent(c);
  }
}

/** Statuses whose responses have no body. */
const bodylessStatuses = new Set([204, 205, 304]);

function toResponse(fault: Extract<Fault, { kind: 'respond' }>, requestId: string): Response {
  const { status, body = standardBody(status, requestId) } = fault;
  const isText = typeof body === 'string';
  const headers = new Headers({ 'content-type': isText ? 'text/plain' : 'application/json' });
  if (fault.contentType !== undefined) headers.set('content-type', fault.contentType);
  for (const [name, value] of Object.entries(fault.headers ?? {})) headers.set(name, value);
  const text = isText ? body : JSON.stringify(body);
  return new Response(bodylessStatuses.has(status) ? null : text, { status, headers });
}

function standardBody(status: number, requestId: string): unknown {
  return isErrorStatus(status) ? toErrorResponse(new ApiError(status), requestId) : '';
}

async function sendHalf(c: HttpContext): Promise<void> {
  const { incoming, outgoing } = c.env;
  const body = Buffer.from(await c.res.arrayBuffer());
  const headers = { ...Object.fromEntries(c.res.headers), 'content-length': body.length };
  outgoing.writeHead(c.res.status, headers);
  outgoing.write(body.subarray(0, Math.floor(body.length / 2)));
  // Nothing says when it is written if the connection closes meanwhile.
  incoming.socket.destroySoon();
}

/** Replaces the response of a handler, headers included, except for the request id. */
function replaceResponse(c: HttpContext, response: Response): void {
  // Hono merges the headers of two responses, so the first one is removed.
  c.res = undefined;
  response.headers.set('x-request-id', c.var.requestId);
  c.res = response;
}

/** Keeps the server from writing a response to a connection that is closed. */
function markResponseSent(c: HttpContext): void {
  c.set('connectionClosed', true);
  c.res = undefined;
  c.res = RESPONSE_ALREADY_SENT;
}
