import type { Next } from 'hono';
import { ApiError, isErrorStatus, toErrorResponse } from './api-error.js';
import type { Fault } from './faults.js';
import { type HttpContext, markResponseSent, replaceResponse } from './http-env.js';
import { sleep } from './pause.js';

const GARBAGE = '<!doctype html><title>Welcome</title><h1>It works!</h1>';

/** Statuses whose answers have no body. */
const bodiless = new Set([204, 205, 304]);

/** Lets the fault happen; the request's body must have been read, since its client may be gone after a delay. */
export async function injectFault(
  c: HttpContext,
  fault: Fault,
  next: Next,
  closing: AbortSignal,
): Promise<void> {
  const { socket } = c.env.incoming;
  switch (fault.kind) {
    case 'respond':
      return replaceResponse(c, toAnswer(fault, c.var.requestId));
    case 'delay':
      await sleep(fault.delayMs, closing);
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
      return replaceResponse(c, new Response(GARBAGE, { headers: { 'content-type': 'text/html' } }));
    case 'truncated-response':
      await next();
      await sendHalf(c);
      return markResponseSent(c);
  }
}

function toAnswer(fault: Extract<Fault, { kind: 'respond' }>, requestId: string): Response {
  const { status, body = standardBody(status, requestId) } = fault;
  const isText = typeof body === 'string';
  const headers = new Headers({ 'content-type': isText ? 'text/plain' : 'application/json' });
  if (fault.contentType !== undefined) headers.set('content-type', fault.contentType);
  for (const [name, value] of Object.entries(fault.headers ?? {})) headers.set(name, value);
  const text = isText ? body : JSON.stringify(body);
  return new Response(bodiless.has(status) ? null : text, { status, headers });
}

function standardBody(status: number, requestId: string): unknown {
  return isErrorStatus(status) ? toErrorResponse(new ApiError(status), requestId) : '';
}

async function sendHalf(c: HttpContext): Promise<void> {
  const { outgoing } = c.env;
  const body = Buffer.from(await c.res.arrayBuffer());
  const headers = { ...Object.fromEntries(c.res.headers), 'content-length': body.length };
  outgoing.writeHead(c.res.status, headers);
  await new Promise((sent) => outgoing.write(body.subarray(0, Math.floor(body.length / 2)), sent));
  outgoing.destroy();
}
