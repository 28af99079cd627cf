import { randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import type { CommittedFile, GatewayLoad, GatewayRequest } from './gateway.js';

/*
 * The benchmark's gateway: the two endpoints that a fault-free pipeline calls, with as little between socket and response
 * as Node allows. The project's own gateway emulates the API and copies real bytes, so a benchmark would measure that.
 * Every runtime exists. Files are kept in memory, without their bytes.
 */

interface CollectBody {
  readonly runtimePath: string;
  readonly destinationPath?: string;
  readonly name?: string;
  readonly type?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const { apiKey } = JSON.parse(process.argv[2] ?? '{}') as { apiKey: string };
const authorization = `Bearer ${apiKey}`;
const COLLECT_PATH = /^\/v1\/runtimes\/([^/]+)\/files\/collect$/;
const SPACE_ID = '7d1f0c52-3a7e-4d0b-8f6c-2b9f6c1d4e5a';

/** The files of each runtime, by their path. */
const runtimes = new Map<string, Map<string, CommittedFile>>();

const server = createServer((request, response) => {
  const [, runtimeId] = COLLECT_PATH.exec(request.url ?? '') ?? [];
  if (request.headers.authorization !== authorization) {
    respondError(response, 401, 'auth.required', 'unauthorized');
  } else if (request.url === '/v1/auth/whoami') {
    respond(response, 200, { keyId: 'bench', organizationId: 'bench' });
  } else if (request.method === 'POST' && runtimeId !== undefined) {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => collect(runtimeId, JSON.parse(body), response));
  } else {
    respondError(response, 404, 'not_found', 'not_found');
  }
});
// Connections stay open between measurements, so that none begins with a reset connection.
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

function collect(runtimeId: string, body: CollectBody, response: ServerResponse): void {
  since ??= { ms: performance.now(), cpu: process.cpuUsage(), loop: performance.eventLoopUtilization() };
  const files = runtimes.get(runtimeId) ?? new Map<string, CommittedFile>();
  runtimes.set(runtimeId, files);
  const file = toFile(runtimeId, body);
  if (files.has(file.path)) {
    respondError(response, 409, 'storage_file.path_exists', 'conflict');
    return;
  }
  files.set(file.path, { runtimePath: body.runtimePath, key: body.metadata?.['temporalCollectionKey'] });
  respond(response, 200, file);
}

function toFile(runtimeId: string, body: CollectBody) {
  const id = randomUUID();
  const path = body.destinationPath ?? `/runs/${runtimeId}/${body.runtimePath}`;
  return {
    id,
    spaceId: SPACE_ID,
    source: 'runtime',
    runtimeId,
    runId: runtimeId,
    name: body.name ?? path.slice(path.lastIndexOf('/') + 1),
    path,
    type: body.type,
    contentType: 'application/octet-stream',
    sizeBytes: 5,
    metadata: body.metadata ?? null,
    createdAt: new Date().toISOString(),
    downloadUrl: `http://127.0.0.1/storage/files/${id}/download?signature=${id}`,
  };
}

function respondError(response: ServerResponse, status: number, code: string, reasonClass: string): void {
  respond(response, status, { code, error: 'The benchmark expects no error.', reasonClass });
}

function respond(response: ServerResponse, status: number, document: object): void {
  const body = JSON.stringify(document);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, headers).end(body);
}

/** The first collect after a `reset`. Preparations of a measurement do not count as load. */
let since: { ms: number; cpu: NodeJS.CpuUsage; loop: EventLoopUtilization } | undefined;

process.on('message', (request: GatewayRequest) => {
  if (request.get === 'reset') since = undefined;
  if (request.get === 'load') process.send?.(readLoad());
  if (request.get === 'files') {
    process.send?.([...(runtimes.get(request.runtimeId)?.values() ?? [])]);
    runtimes.delete(request.runtimeId);
  }
});

function readLoad(): GatewayLoad {
  if (since === undefined) return { cpuShare: 0, loopUtilization: 0 };
  const { user, system } = process.cpuUsage(since.cpu);
  const { utilization } = performance.eventLoopUtilization(since.loop);
  return { cpuShare: (user + system) / 1_000 / (performance.now() - since.ms), loopUtilization: utilization };
}
