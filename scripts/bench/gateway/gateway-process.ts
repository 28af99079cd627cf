import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { type FileQuery, FileStore } from './file-store.js';
import type { GatewayLoad, GatewayRequest } from './gateway.js';

/*
 * The benchmark's gateway: the calls that a worker makes of the API, with as little between socket and answer as Node
 * allows. The project's own gateway is an emulator of the API and copies real bytes, which would be what is measured.
 */

const { apiKey } = JSON.parse(process.argv[2] ?? '{}') as { apiKey: string };
const authorization = `Bearer ${apiKey}`;
const COLLECT_PATH = /^\/v1\/runtimes\/([^/]+)\/files\/collect$/;
const DEFAULT_PAGE_SIZE = 50;

const store = new FileStore();
const server = createServer((request, response) => {
  if (request.headers.authorization !== authorization) {
    answerError(response, 401, 'auth.required', 'unauthorized');
  } else if (request.method === 'POST') {
    readBody(request, (body) => answerPost(request.url ?? '', body, response));
  } else {
    answerGet(new URL(request.url ?? '', 'http://127.0.0.1'), response);
  }
});
// Connections stay open while nothing is measured, so that no measurement begins with a reset one.
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

function answerPost(path: string, body: string, response: ServerResponse): void {
  const runtimeId = COLLECT_PATH.exec(path)?.[1];
  if (runtimeId === undefined) {
    answerNotFound(response);
    return;
  }
  since ??= {
    ms: performance.now(),
    cpu: process.cpuUsage(),
    loop: performance.eventLoopUtilization(),
  };
  const file = store.collect(runtimeId, JSON.parse(body));
  if (file !== undefined) answer(response, 200, file);
  else answerError(response, 409, 'storage_file.path_exists', 'conflict');
}

function answerGet({ pathname, searchParams }: URL, response: ServerResponse): void {
  if (pathname === '/v1/auth/whoami') answer(response, 200, { keyId: 'bench', organizationId: 'bench' });
  else if (pathname === '/v1/files') answer(response, 200, store.list(toFileQuery(searchParams)));
  else answerNotFound(response);
}

function toFileQuery(parameters: URLSearchParams): FileQuery {
  const createdAfter = parameters.get('createdAfter');
  return {
    runtimeId: parameters.get('runtimeId'),
    path: parameters.get('path'),
    createdAfterMs: createdAfter === null ? 0 : Date.parse(createdAfter),
    offset: Number(parameters.get('cursor') ?? 0),
    limit: Number(parameters.get('limit') ?? DEFAULT_PAGE_SIZE),
  };
}

function answerNotFound(response: ServerResponse): void {
  answerError(response, 404, 'file.not_found', 'not_found');
}

function answerError(response: ServerResponse, status: number, code: string, reasonClass: string): void {
  answer(response, status, { code, error: 'The benchmark expects no error.', reasonClass });
}

function answer(response: ServerResponse, status: number, document: object): void {
  const body = JSON.stringify(document);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function readBody(request: IncomingMessage, use: (body: string) => void): void {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => use(body));
}

/** Since the first collect after a `reset`: what a measurement does before is not its load. */
let since: { ms: number; cpu: NodeJS.CpuUsage; loop: EventLoopUtilization } | undefined;

process.on('message', (request: GatewayRequest) => {
  if (request.ask === 'books') process.send?.(store.takeBooks(request.runtimeId));
  if (request.ask === 'reset') since = undefined;
  if (request.ask === 'load') process.send?.(readLoad());
});

function readLoad(): GatewayLoad {
  if (since === undefined) return { cpuShare: 0, loopUtilization: 0 };
  const { user, system } = process.cpuUsage(since.cpu);
  const { utilization } = performance.eventLoopUtilization(since.loop);
  return {
    cpuShare: (user + system) / 1_000 / (performance.now() - since.ms),
    loopUtilization: utilization,
  };
}
