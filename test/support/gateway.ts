import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type IdStyle, idStyles } from '../../src/gateway/ids.js';
import { type Gateway, type GatewayOptions, startGateway } from '../../src/testing.js';

export const API_KEY = 'local-development-key';

export interface ApiResponse {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests read responses of every shape
  body: any;
}

export interface TestGateway extends Gateway {
  /** A runtime with an empty workspace. */
  runtimeId: string;
  /** Puts a file into the workspace of `runtimeId`. */
  addFile(path: string, content?: string | Uint8Array): Promise<void>;
  call(method: string, path: string, options?: CallOptions): Promise<ApiResponse>;
  collect(body: unknown): Promise<ApiResponse>;
}

interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Starts a gateway that is closed after the test. The default id style is `BCTRL_TEST_ID_STYLE`. */
export async function startTestGateway(t: TestContext, options: GatewayOptions = {}): Promise<TestGateway> {
  const gateway = await startGateway({ idStyle: readIdStyle(), ...options });
  t.after(() => gateway.close());
  const runtimeId = await gateway.createRuntime();
  const call: TestGateway['call'] = (method, path, request) => callApi(gateway.url, method, path, request);
  return {
    ...gateway,
    runtimeId,
    addFile: (path, content = path) => gateway.writeFiles(runtimeId, { [path]: content }),
    call,
    collect: (body) => call('POST', `/v1/runtimes/${runtimeId}/files/collect`, { body }),
  };
}

function readIdStyle(): IdStyle {
  const { BCTRL_TEST_ID_STYLE: text = 'uuid' } = process.env;
  const style = idStyles.find((each) => each === text);
  if (style === undefined)
    throw new Error(`BCTRL_TEST_ID_STYLE: "${text}" is not one of ${idStyles.join(', ')}`);
  return style;
}

export async function createTestFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bctrl-test-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** Sends one request with the usual key. A JSON body is parsed, any other is text. */
export async function callApi(
  url: string,
  method: string,
  path: string,
  { body, headers, signal }: CallOptions = {},
): Promise<ApiResponse> {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(signal && { signal }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}
