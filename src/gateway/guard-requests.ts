import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { ApiError } from './api-error.js';
import type { HttpEnv } from './inject-faults.js';

/** The largest payload of Temporal: a job's output or a file's metadata that fits into a workflow fits into a request. */
export const MAX_BODY_BYTES = 2 * 1024 * 1024;

/**
 * Refuses host names that the gateway was not told of. A web page can point its own name to this machine (DNS rebinding),
 * but it can do so with a name only: addresses are served.
 */
export function requireKnownHost(knownNames: readonly string[]): MiddlewareHandler<HttpEnv> {
  const known = new Set(knownNames.map((name) => toHostName(name)).filter((name) => name !== ''));
  return async (c, next) => {
    const name = toHostName(c.req.header('host') ?? '');
    if (!isLocal(name) && !known.has(name)) throw new ApiError(403, 'host.not_allowed', toProblem(name));
    await next();
  };
}

/** The host of `host:port` as URLs have it: lower-case, ASCII, an IPv6 address in brackets. Empty if it is none. */
export function toHostName(host: string): string {
  const text = isIP(host) === 6 ? `[${host}]` : host;
  return URL.canParse(`http://${text}`) ? new URL(`http://${text}`).hostname.replace(/\.$/, '') : '';
}

function toProblem(name: string): string {
  if (name === '') return 'The Host header names no host that the gateway serves.';
  return `The gateway does not serve the host name "${name}": start it with --allow-host ${name} to allow it.`;
}

function isLocal(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || isIP(name.replace(/^\[|\]$/g, '')) > 0;
}
