import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Gateway, GatewayOptions } from '../../src/testing.js';

const EXECUTABLE = fileURLToPath(new URL('../../src/gateway.ts', import.meta.url));

type GatewayProcessOptions = Pick<Gateway, 'workspaceDir' | 'storageDir'> & Pick<GatewayOptions, 'idStyle'>;

interface GatewayProcess {
  url: string;
  child: ChildProcess;
  /** The exit code and signal. */
  ended: Promise<unknown[]>;
}

/** Starts the gateway's executable on a free port. It is killed after the test. */
export async function startGatewayProcess(
  t: TestContext,
  { workspaceDir, storageDir, idStyle = 'uuid' }: GatewayProcessOptions,
): Promise<GatewayProcess> {
  const folders = ['--workspace', workspaceDir, '--storage', storageDir];
  const child = spawnGateway([...folders, '--id-style', idStyle, '--port', '0']);
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  for await (const line of createInterface({ input: child.stdout as Readable })) {
    const [url] = /http:\/\/127\.0\.0\.1:\d+$/.exec(line) ?? [];
    if (url) return { url, child, ended };
  }
  throw new Error('The gateway ended before it listened.');
}

/** @param stdout a file descriptor to write to instead of a pipe */
export function spawnGateway(
  args: readonly string[],
  stdout: number | 'pipe' = 'pipe',
  stderr: 'inherit' | 'pipe' = 'inherit',
): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', EXECUTABLE, ...args], {
    stdio: ['ignore', stdout, stderr],
  });
}
