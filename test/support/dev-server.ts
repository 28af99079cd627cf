import { after, before } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { type DevServer, type DevServerOptions, startDevServer } from '../../scripts/dev-server.js';
import { connectToDevServer, devServerExecutable } from './temporal.js';

/** The dev server of a test file, which runs while its tests do. */
export interface TestServer extends Pick<DevServer, 'address' | 'uiUrl'> {
  readonly client: Client;
}

/** Starts a dev server before the tests of a file, and ends it after them. */
export function useDevServer(options: Omit<DevServerOptions, 'executable'> = {}): TestServer {
  const get = useRunning(async () => {
    const server = await startDevServer({ ...options, executable: devServerExecutable() });
    const connection = await Connection.connect({ address: server.address });
    const close = async () => {
      await connection.close();
      await server.close();
    };
    return { server, client: new Client({ connection }), close };
  });
  return {
    get address() {
      return get().server.address;
    },
    get uiUrl() {
      return get().server.uiUrl;
    },
    get client() {
      return get().client;
    },
  };
}

/** Like `useDevServer`, for workers of this process. */
export function useDevServerEnv(
  options: Omit<DevServerOptions, 'executable'> = {},
): () => TestWorkflowEnvironment {
  const get = useRunning(async () => {
    const server = await startDevServer({ ...options, executable: devServerExecutable() });
    const env = await connectToDevServer(server.address);
    const close = async () => {
      await env.teardown();
      await server.close();
    };
    return { env, close };
  });
  return () => get().env;
}

/** Uses one hook for everything, as the hooks of a file do not wait for each other. */
function useRunning<T extends { close(): Promise<void> }>(start: () => Promise<T>): () => T {
  let running: T | undefined;
  before(async () => {
    running = await start();
  });
  after(() => running?.close());
  return () => {
    if (running === undefined) throw new Error('The dev server runs only while tests do');
    return running;
  };
}
