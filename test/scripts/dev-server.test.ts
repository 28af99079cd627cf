import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { startDevServer } from '../../scripts/dev-server.js';
import { devServerExecutable } from '../support/temporal.js';
import { waitFor } from '../support/wait-for.js';

const executable = devServerExecutable();

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function startWorkflow(address: string, workflowId: string): Promise<void> {
  const connection = await Connection.connect({ address });
  await new Client({ connection }).workflow.start('any', { taskQueue: 'none', workflowId });
  await connection.close();
}

describe('startDevServer', { concurrency: true }, () => {
  it('resolves when server and UI are up, and close() ends the server', async () => {
    const server = await startDevServer({ executable, uiPort: 0 });
    await startWorkflow(server.address, 'first');
    assert.equal((await fetch(String(server.uiUrl))).status, 200);
    await server.close();
    assert.equal(isRunning(server.pid), false);
    await server.close();
  });

  it('keeps workflows in its database file, and uses the given port', async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'dev-server-'));
    const dbFile = join(dir, 'temporal.db');
    const first = await startDevServer({ executable, dbFile });
    await startWorkflow(first.address, 'kept');
    await first.close();

    const second = await startDevServer({ executable, dbFile, port: Number(first.address.split(':')[1]) });
    t.after(async () => {
      await second.close();
      await rm(dir, { recursive: true });
    });
    assert.equal(second.address, first.address);
    await assert.rejects(startWorkflow(second.address, 'kept'), /already started/);
  });

  it('serves metrics if asked to', async (t) => {
    const server = await startDevServer({ executable, metricsPort: 0 });
    t.after(() => server.close());
    assert.match(await (await fetch(String(server.metricsUrl))).text(), /^# TYPE /m);
  });

  it('names a port that is in use', async (t) => {
    const server = await startDevServer({ executable });
    t.after(() => server.close());
    const port = Number(server.address.split(':')[1]);
    await assert.rejects(startDevServer({ executable, port }), {
      message: `Port ${port} on 127.0.0.1 cannot be used`,
    });
  });

  it('starts the server again when it ends before it responds, as when its port was taken', async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'dev-server-'));
    const unlucky = join(dir, 'temporal');
    const marker = join(dir, 'started-before');
    const script = `#!/bin/sh\n[ -e "${marker}" ] || { touch "${marker}"; exit 2; }\nexec "${executable}" "$@"\n`;
    await writeFile(unlucky, script, { mode: 0o755 });
    const server = await startDevServer({ executable: unlucky });
    t.after(async () => {
      await server.close();
      await rm(dir, { recursive: true });
    });
    await startWorkflow(server.address, 'second-start');
  });

  it('rejects with the reason of a server that does not start', async () => {
    const starting = startDevServer({ executable, dbFile: join(tmpdir(), 'no', 'such', 'folder', 'db') });
    await assert.rejects(starting, /did not start: it ended with exit code 1\n.*no such file or directory/);
  });

  it('ends the server with our process, even after SIGKILL', { timeout: 60_000 }, async () => {
    const child = fork(fileURLToPath(new URL('dev-server-process.ts', import.meta.url)), [executable], {
      execArgv: ['--import', 'tsx'],
    });
    const [pid] = (await once(child, 'message')) as [number];
    assert.equal(isRunning(pid), true);
    child.kill('SIGKILL');
    await waitFor('the end of the server', () => !isRunning(pid));
  });
});
