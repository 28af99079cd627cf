import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { createIds, type IdStyle, idStyles } from '../../src/gateway/ids.js';
import { type Gateway, type GatewayOptions, startGateway } from '../../src/testing.js';

export const API_KEY = 'local-development-key';

const TEST_FOLDER = join(tmpdir(), 'gateway-');

export interface ApiResponse {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
}

export interface TestGateway extends Gateway {
  workspaceDir: string;
  storageDir: string;
  /** Of a runtime whose workspace is empty. */
  runtimeId: string;
  /** Returns its id, which is of the gateway's style. */
  addRuntime(): Promise<string>;
  /** Puts a file into the workspace of the runtime; the path is relative to it. */
  addFile(path: string, content?: string | Uint8Array): Promise<void>;
  call(method: string, path: string, options?: CallOptions): Promise<ApiResponse>;
  collect(body: unknown): Promise<ApiResponse>;
}

interface CallOptions {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** On folders of its own, gone with the test. The default id style comes from `BCTRL_TEST_ID_STYLE`. */
export async function startTestGateway(
  t: TestContext,
  options: Partial<GatewayOptions> = {},
): Promise<TestGateway> {
  const folder = await mkdtemp(TEST_FOLDER);
  const workspaceDir = options.workspaceDir ?? join(folder, 'workspace');
  const storageDir = options.storageDir ?? join(folder, 'storage');
  const { idStyle = readIdStyle() } = options;
  const gateway = await startGateway({ ...options, idStyle, workspaceDir, storageDir });
  t.after(async () => {
    await gateway.close();
    await rm(folder, { recursive: true });
  });

  const ids = createIds(idStyle);
  const addRuntime = async () => {
    const id = ids.create('runtime');
    await mkdir(join(workspaceDir, id), { recursive: true });
    return id;
  };
  const runtimeId = await addRuntime();
  const call: TestGateway['call'] = (method, path, request) => callApi(gateway.url, method, path, request);
  return {
    ...gateway,
    workspaceDir,
    storageDir,
    runtimeId,
    addRuntime,
    async addFile(path, content = path) {
      const file = join(workspaceDir, runtimeId, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    },
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
  const folder = await mkdtemp(TEST_FOLDER);
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** One request with the usual key. JSON answers are parsed, others are text. */
export async function callApi(
  url: string,
  method: string,
  path: string,
  { body, headers, signal }: CallOptions = {},
): Promise<ApiResponse> {
  const answer = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    ...(signal && { signal }),
  });
  const text = await answer.text();
  const isJson = answer.headers.get('content-type')?.startsWith('application/json');
  return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
}
