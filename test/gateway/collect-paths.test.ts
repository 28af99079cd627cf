import assert from 'node:assert/strict';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { API_KEY, startTestGateway } from '../support/gateway.js';

const validPaths: [runtimePath: string, path: string][] = [
  ['/workspace/output/a.txt', 'output/a.txt'],
  ['output/a.txt', 'output/a.txt'],
  ['./output//a.txt', 'output/a.txt'],
  ['/workspace/x/../output/a.txt', 'output/a.txt'],
  ['../workspace/output/a.txt', 'output/a.txt'],
  ['%2e%2e/a.txt', '%2e%2e/a.txt'],
  ['ünï côdé 文.txt', 'ünï côdé 文.txt'],
];

for (const [runtimePath, path] of validPaths) {
  test(`runtimePath ${runtimePath} is ${path} in the workspace`, async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile(path);
    const { status, body } = await gateway.collect({ runtimePath });
    assert.equal(status, 200);
    assert.equal(body.path, `/runs/${body.runId}/${path}`);
  });
}

const invalidPaths = [
  '/etc/passwd',
  '..',
  '../secret.txt',
  'output/../../secret.txt',
  '/workspace/../secret.txt',
  '/workspace/../../../../etc/passwd',
  '/workspacex/a.txt',
  'output/a.txt\0.png',
  '/',
  '/workspace',
  '/workspace/',
  '.',
  'output',
  'x'.repeat(300),
];

for (const runtimePath of invalidPaths) {
  test(`runtimePath ${JSON.stringify(runtimePath).slice(0, 40)} → 400 runtime_file.path_invalid`, async (t) => {
    const gateway = await startTestGateway(t);
    await gateway.addFile('output/a.txt');
    await writeFile(join(gateway.workspaceDir, 'secret.txt'), 'secret');
    const { status, body } = await gateway.collect({ runtimePath, destinationPath: '/x' });
    assert.deepEqual([status, body.code], [400, 'runtime_file.path_invalid']);
    assert.deepEqual([body.reasonClass, body.details], ['invalid_input', { field: 'runtimePath' }]);
  });
}

test('collect follows symbolic links inside the workspace', async (t) => {
  const gateway = await startTestGateway(t);
  const root = join(gateway.workspaceDir, gateway.runtimeId);
  await gateway.addFile('real/a.txt', 'bytes');
  await symlink('a.txt', join(root, 'real/link.txt'));
  await symlink('real', join(root, 'folder'));
  await symlink(join(root, 'real/a.txt'), join(root, 'absolute.txt'));
  for (const runtimePath of ['real/link.txt', 'folder/a.txt', 'folder/link.txt', 'absolute.txt']) {
    const { status, body } = await gateway.collect({ runtimePath });
    assert.deepEqual([status, body.sizeBytes], [200, 5], runtimePath);
  }
});

test('collect refuses symbolic links that lead out of the workspace or nowhere', async (t) => {
  const gateway = await startTestGateway(t);
  const root = join(gateway.workspaceDir, gateway.runtimeId);
  const neighbour = await gateway.createRuntime();
  await writeFile(join(gateway.workspaceDir, neighbour, 'a.txt'), 'secret');
  // A sibling folder whose name starts with the runtime's id is not part of the workspace.
  await mkdir(`${root}-other`);
  await writeFile(`${root}-other/a.txt`, 'secret');
  await symlink('/etc/hostname', join(root, 'file'));
  await symlink(join(gateway.workspaceDir, neighbour), join(root, 'folder'));
  await symlink(`${root}-other`, join(root, 'other'));
  await symlink('file', join(root, 'chain'));
  await symlink('loop', join(root, 'loop'));
  await symlink('missing', join(root, 'dangling'));
  for (const runtimePath of ['file', 'folder/a.txt', 'other/a.txt', 'chain', 'loop']) {
    const { status, body } = await gateway.collect({ runtimePath });
    assert.deepEqual([status, body.code], [400, 'runtime_file.path_invalid'], runtimePath);
  }
  assert.equal((await gateway.collect({ runtimePath: 'dangling' })).body.code, 'file.not_found');
  assert.deepEqual(gateway.snapshot().files, []);
});

test('a runtime folder may be a symbolic link, and its files cannot lead out of it either', async (t) => {
  const gateway = await startTestGateway(t);
  const root = join(gateway.workspaceDir, gateway.runtimeId);
  await gateway.addFile('a.txt');
  await symlink('/etc/hostname', join(root, 'out'));
  await rename(root, join(gateway.workspaceDir, 'elsewhere'));
  await symlink('elsewhere', root);
  assert.equal((await gateway.collect({ runtimePath: 'a.txt' })).status, 200);
  assert.equal((await gateway.collect({ runtimePath: 'out' })).status, 400);
});

for (const segment of ['..%2f..%2fetc', '%2e%2e', '..', '%00', '..%5c..', '%']) {
  test(`/v1/runtimes/${segment}/… and /v1/files/${segment}/… → 404`, async (t) => {
    const gateway = await startTestGateway(t);
    await writeFile(join(gateway.workspaceDir, 'passwd'), 'secret');
    const collect = await sendRaw(gateway.url, 'POST', `/v1/runtimes/${segment}/files/collect`);
    const content = await sendRaw(gateway.url, 'GET', `/v1/files/${segment}/content`);
    assert.deepEqual([collect, content], [404, 404]);
  });
}

/** Sends the path exactly as given; fetch would resolve the dots. */
function sendRaw(url: string, method: string, path: string): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path, headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    outgoing.on('error', reject);
    outgoing.end(method === 'POST' ? '{"runtimePath":"passwd"}' : undefined);
  });
}
