import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Children } from '../../scripts/chaos/children.js';
import { GatewayServer } from '../../scripts/chaos/gateway-server.js';
import type { FaultRule } from '../../src/testing.js';

const rules: FaultRule[] = [{ operation: '*', fault: { kind: 'respond', status: 503 } }];

test('rules that are set while the gateway starts hold when it runs, and are refused when it is gone', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'chaos-gateway-'));
  const children = new Children(dir, 'no run');
  t.after(async () => {
    await children.endAll();
    await rm(dir, { recursive: true });
  });
  const [workspaceDir, storageDir] = [join(dir, 'workspace'), join(dir, 'storage')];
  await mkdir(workspaceDir);
  const gateway = await GatewayServer.start(children, { workspaceDir, storageDir, seed: 1 });
  const getStatus = async () => {
    const headers = { authorization: 'Bearer local-development-key' };
    return (await fetch(`http://127.0.0.1:${gateway.port}/v1/files`, { headers })).status;
  };
  assert.equal(await getStatus(), 200);

  await gateway.end('SIGKILL');
  const starting = gateway.start();
  await gateway.setRules(rules);
  await starting;
  assert.equal(await getStatus(), 503);

  await gateway.setRules([]);
  assert.equal(await getStatus(), 200);

  process.kill(gateway.pid ?? 0, 'SIGKILL');
  await assert.rejects(gateway.setRules(rules), /^Error: the gateway does not respond: /);
});
