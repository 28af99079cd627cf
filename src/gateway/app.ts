import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { type Handler, Hono, type MiddlewareHandler } from 'hono';
import { limitBody } from '../limit-body.js';
import { toTerminalText } from '../shared/display-text.js';
import { createAdminApi } from './admin-api.js';
import { ApiError, toErrorResponse } from './api-error.js';
import { collect } from './collect.js';
import { toContentHeaders } from './content-headers.js';
import { exportRunFiles } from './export-run-files.js';
import type { Operation } from './faults.js';
import { findFile, toFile } from './files.js';
import { type GatewayState, increment, type RequestStats } from './gateway-state.js';
import { MAX_BODY_BYTES, requireKnownHost } from './guard-requests.js';
import { type HttpContext, type HttpEnv, injectFaults } from './inject-faults.js';
import { getInvocation, waitForInvocation } from './invocations.js';
import { listFiles } from './list-files.js';
import { readJson } from './parse-request.js';
import { getRun, getRuntime, stopRuntime } from './runtimes.js';
import { systemErrorCode } from './storage.js';
import type { StoredFile } from './stored.js';

/** The HTTP API: every route, with authentication, request counts and faults around its handler. */
export function createApp(state: GatewayState): Hono<HttpEnv> {
  const { ids, storage, stats } = state;
  const requireApiKey = authenticate(state);
  const app = new Hono<HttpEnv>();

  app.use(async (c, next) => {
    c.set('requestId', `req_${randomUUID()}`);
    c.header('x-request-id', c.var.requestId);
    await next();
  });
  app.use(
    requireKnownHost(state.hostNames),
    limitBody(MAX_BODY_BYTES, () => {
      throw new ApiError(413);
    }),
  );
  app.notFound((c) => sendError(c, new ApiError(404)));
  app.onError((error, c) => sendError(c, error));
  app.route('/_gateway', createAdminApi(state));

  const route = <Path extends string>(
    operation: Operation,
    method: 'GET' | 'POST',
    path: Path,
    handler: Handler<HttpEnv, Path>,
    authorize: MiddlewareHandler<HttpEnv> = requireApiKey,
  ) => {
    app.on(method, path, countRequests(operation, stats), authorize, injectFaults(operation, state), handler);
  };

  const requireSignature: MiddlewareHandler<HttpEnv, '/storage/files/:fileId/download'> = async (c, next) => {
    const { signature } = findFile(state, c.req.param('fileId'));
    if (c.req.query('signature') !== signature) throw new ApiError(403);
    await next();
  };

  const sendContent = async (c: HttpContext, file: StoredFile) => {
    const headers = toContentHeaders(file);
    // Nobody would read and so close the file.
    if (c.req.method === 'HEAD') return c.body(null, 200, headers);
    const handle = await storage.open(file.location);
    return c.body(Readable.toWeb(handle.createReadStream()) as ReadableStream, 200, headers);
  };

  route('collect', 'POST', '/v1/runtimes/:runtimeId/files/collect', async (c) =>
    c.json(await collect(state, c.req.param('runtimeId'), await readJson(c.req))),
  );

  route('list-files', 'GET', '/v1/files', (c) =>
    c.json(listFiles(state, { ...c.req.query(), type: c.req.queries('type') })),
  );
  route('get-file', 'GET', '/v1/files/:fileId', (c) =>
    c.json(toFile(state, findFile(state, c.req.param('fileId')))),
  );
  route('get-content', 'GET', '/v1/files/:fileId/content', (c) =>
    sendContent(c, findFile(state, c.req.param('fileId'))),
  );
  route(
    'download',
    'GET',
    '/storage/files/:fileId/download',
    (c) => sendContent(c, findFile(state, c.req.param('fileId'))),
    requireSignature,
  );

  route('get-runtime', 'GET', '/v1/runtimes/:runtimeId', (c) =>
    c.json(getRuntime(state, c.req.param('runtimeId'))),
  );
  route('stop-runtime', 'POST', '/v1/runtimes/:runtimeId/stop', (c) =>
    c.json(stopRuntime(state, c.req.param('runtimeId'))),
  );
  route('get-run', 'GET', '/v1/runs/:runId', (c) => c.json(getRun(state, c.req.param('runId'))));
  route('export', 'POST', '/v1/runs/:runId/files/export', async (c) => {
    const idempotencyKey = c.req.header('idempotency-key');
    const body = await readJson(c.req, {});
    return c.json(await exportRunFiles(state, c.req.param('runId'), body, idempotencyKey), 201);
  });

  route('get-invocation', 'GET', '/v1/invocations/:invocationId', (c) =>
    c.json(getInvocation(state, c.req.param('invocationId'))),
  );
  route('wait', 'POST', '/v1/runtimes/:runtimeId/invocations/:invocationId/wait', async (c) =>
    c.json(await waitForInvocation(state, c.req.param(), await readJson(c.req, {}), c.req.raw.signal)),
  );

  route('whoami', 'GET', '/v1/auth/whoami', (c) =>
    c.json({
      keyId: ids.forApiKey(c.req.header('authorization') ?? ''),
      organizationId: ids.organization,
      defaultSpaceId: ids.space,
      scope: 'organization',
      plan: 'development',
    }),
  );
  return app;
}

function authenticate(state: GatewayState): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const [, key] = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
    if (key === undefined || !state.apiKeys.has(key)) throw new ApiError(401);
    await next();
  };
}

function countRequests(operation: Operation, stats: RequestStats): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    increment(stats.requests, operation);
    stats.inFlight += 1;
    stats.maxInFlight = Math.max(stats.maxInFlight, stats.inFlight);
    try {
      await next();
    } finally {
      stats.inFlight -= 1;
    }
    if (c.var.connectionClosed) return;
    const responses = stats.responses[operation] ?? {};
    stats.responses[operation] = responses;
    increment(responses, String(c.res.status));
  };
}

/** What passes when requests end or room is made: too many open files, and no space. */
const passing = new Set(['EMFILE', 'ENFILE', 'ENOSPC', 'EDQUOT', 'EFBIG']);

function toApiError(error: Error): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(passing.has(systemErrorCode(error) ?? '') ? 503 : 500);
}

function sendError(c: HttpContext, error: Error): Response {
  const apiError = toApiError(error);
  if (apiError.status === 500) console.error(toTerminalText(inspect(error)));
  return c.json(toErrorResponse(apiError, c.var.requestId), apiError.status);
}
