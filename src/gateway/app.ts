import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { type Handler, Hono, type MiddlewareHandler } from 'hono';
import { type AdminApi, addAdminRoutes } from './admin-api.js';
import { ApiError, toErrorResponse } from './api-error.js';
import { collect } from './collect.js';
import { exportRunFiles } from './export-run-files.js';
import type { Operation } from './faults.js';
import type { IndexedFile } from './file-index.js';
import { createFileWriter } from './file-writer.js';
import type { GatewayState } from './gateway-state.js';
import type { HttpContext, HttpEnv } from './http-env.js';
import { findInvocation, waitForInvocation } from './invocations.js';
import { listFiles } from './list-files.js';
import { authenticate, countRequests, injectFaults } from './middleware.js';
import { readJson } from './parse-request.js';
import { findRun, findRuntime, stopRuntime, toRun, toRuntimeDetail } from './runtimes.js';
import { toFile } from './stored-file.js';

interface AppOptions {
  state: GatewayState;
  controls: AdminApi;
  apiKeys: readonly string[];
  /** Where clients reach the gateway; known once it listens. */
  baseUrl: () => string;
}

export function createApp({ state, controls, apiKeys, baseUrl }: AppOptions): Hono<HttpEnv> {
  const { store, storage, ids, closing } = state;
  const { stats, matcher } = controls;
  const createFile = createFileWriter(state);
  const withApiKey = authenticate(apiKeys);
  const app = new Hono<HttpEnv>();

  app.use(async (c, next) => {
    c.set('requestId', `req_${randomUUID()}`);
    c.header('x-request-id', c.var.requestId);
    await next();
  });
  app.notFound((c) => answerError(c, new ApiError(404)));
  app.onError((error, c) => answerError(c, error));

  const route = <Path extends string>(
    operation: Operation,
    method: 'GET' | 'POST',
    path: Path,
    handler: Handler<HttpEnv, Path>,
    authorize: MiddlewareHandler<HttpEnv> = withApiKey,
  ) => {
    const disturbed = injectFaults(operation, { stats, matcher, closing });
    app.on(method, path, countRequests(operation, stats), authorize, disturbed, handler);
  };

  const requireFile = (id: string) => {
    const file = store.files.byId(id);
    if (!file) throw new ApiError(404, 'file.not_found', 'There is no such file.');
    return file;
  };

  const withSignature: MiddlewareHandler<HttpEnv, '/storage/files/:fileId/download'> = async (c, next) => {
    const { signature } = requireFile(c.req.param('fileId'));
    if (c.req.query('signature') !== signature) throw new ApiError(403);
    await next();
  };

  const present = (file: IndexedFile) => toFile(file, ids.space, baseUrl());

  const sendBytes = async (c: HttpContext, { location, contentType, sizeBytes }: IndexedFile) => {
    const handle = await storage.open(location);
    const bytes = Readable.toWeb(handle.createReadStream()) as ReadableStream;
    return c.body(bytes, 200, { 'content-type': contentType, 'content-length': String(sizeBytes) });
  };

  route('collect', 'POST', '/v1/runtimes/:runtimeId/files/collect', async (c) => {
    const file = await collect(state, createFile, c.req.param('runtimeId'), await readJson(c.req));
    return c.json(present(file));
  });

  route('list-files', 'GET', '/v1/files', (c) => {
    const { data, nextCursor } = listFiles(state, {
      single: c.req.query(),
      types: c.req.queries('type'),
    });
    return c.json({ data: data.map(present), nextCursor });
  });
  route('get-file', 'GET', '/v1/files/:fileId', (c) => c.json(present(requireFile(c.req.param('fileId')))));
  route('get-content', 'GET', '/v1/files/:fileId/content', (c) =>
    sendBytes(c, requireFile(c.req.param('fileId'))),
  );
  route(
    'download',
    'GET',
    '/storage/files/:fileId/download',
    (c) => sendBytes(c, requireFile(c.req.param('fileId'))),
    withSignature,
  );

  route('get-runtime', 'GET', '/v1/runtimes/:runtimeId', (c) =>
    c.json(toRuntimeDetail(findRuntime(state, c.req.param('runtimeId')), ids.space)),
  );
  route('stop-runtime', 'POST', '/v1/runtimes/:runtimeId/stop', (c) =>
    c.json(stopRuntime(state, c.req.param('runtimeId'))),
  );
  route('get-run', 'GET', '/v1/runs/:runId', (c) =>
    c.json(toRun(findRun(state, c.req.param('runId')), ids.space)),
  );
  route('export', 'POST', '/v1/runs/:runId/files/export', async (c) => {
    const idempotencyKey = c.req.header('idempotency-key');
    const body = await readJson(c.req, {});
    const file = await exportRunFiles(state, createFile, {
      runId: c.req.param('runId'),
      body,
      idempotencyKey,
    });
    return c.json(present(file), 201);
  });

  route('get-invocation', 'GET', '/v1/invocations/:invocationId', (c) =>
    c.json(findInvocation(state, c.req.param('invocationId'))),
  );
  route('wait', 'POST', '/v1/runtimes/:runtimeId/invocations/:invocationId/wait', async (c) =>
    c.json(await waitForInvocation(state, c.req.param(), await readJson(c.req, {}), c.req.raw.signal)),
  );

  route('whoami', 'GET', '/v1/auth/whoami', (c) => {
    const keyId = ids.keyOf(c.req.header('authorization') ?? '');
    const account = { organizationId: ids.organization, defaultSpaceId: ids.space };
    return c.json({ keyId, ...account, scope: 'organization', plan: 'development' });
  });

  addAdminRoutes(app, controls);
  return app;
}

function answerError(c: HttpContext, error: Error): Response {
  if (!(error instanceof ApiError)) console.error(error);
  const answer = error instanceof ApiError ? error : new ApiError(500);
  return c.json(toErrorResponse(answer, c.var.requestId), answer.status);
}
