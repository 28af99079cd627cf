import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readFileSync } from 'node:fs';
import { mkdir, readdir, realpath, rename, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { ApiError } from '../../src/gateway/api-error.js';
import { openWorkspaceFile } from '../../src/gateway/workspace-file.js';
import { API_KEY, createTestFolder, startTestGateway } from '../support/gateway.js';
import { waitFor } from '../support/wait-for.js';

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

test('a folder that a job swaps for a link all the time never gives a file from outside', {
  timeout: 60_000,
}, async (t) => {
  const outside = await createTestFolder(t);
  await writeFile(join(outside, 'a.txt'), 'secret');
  const workspace = await realpath(await createTestFolder(t));
  await mkdir(join(workspace, 'real'));
  await writeFile(join(workspace, 'real', 'a.txt'), 'inside');
  await symlink(outside, join(workspace, 'link'));
  const [real, link, folder] = ['real', 'link', 'folder'].map((name) => join(workspace, name));
  const swaps = `
    const { renameSync } = require('node:fs');
    const [real, link, folder] = process.argv.slice(1);
    for (;;) for (const one of [real, link]) { renameSync(one, folder); renameSync(folder, one); }`;
  const swapper = spawn(process.execPath, ['-e', swaps, `${real}`, `${link}`, `${folder}`], {
    stdio: 'ignore',
  });
  const seen = new Set<string>();
  try {
    for (const end = Date.now() + 20_000; seen.size < 2 && Date.now() < end; ) {
      for (let attempt = 0; attempt < 1_000; attempt += 1) seen.add(tryToRead(workspace, 'folder/a.txt'));
      seen.delete('');
    }
  } finally {
    // Before the folder is removed.
    swapper.kill('SIGKILL');
    await once(swapper, 'exit');
  }
  assert.deepEqual([...seen].sort(), ['inside', 'runtimePath leads out of the workspace.']);
});

/** The content or the refusal; empty while there is no such file. */
function tryToRead(workspace: string, path: string): string {
  try {
    const fd = openWorkspaceFile(workspace, path);
    try {
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return error instanceof ApiError && error.status === 400 ? error.message : '';
  }
}

test('a FIFO → 400 at once, and nothing is left open', async (t) => {
  const gateway = await startTestGateway(t);
  execFileSync('mkfifo', [join(gateway.workspaceDir, gateway.runtimeId, 'fifo')]);
  const { status, body } = await gateway.collect({ runtimePath: 'fifo' });
  assert.deepEqual([status, body.error], [400, 'runtimePath is not a file.']);
});

test('a file that is truncated while it is copied has the size of its copy', async (t) => {
  const gateway = await startTestGateway(t);
  const source = join(gateway.workspaceDir, gateway.runtimeId, 'large');
  await writeFile(source, '');
  await truncate(source, 2_000_000_000);
  const collecting = gateway.collect({ runtimePath: 'large', destinationPath: '/large' });
  const tmp = join(gateway.storageDir, 'tmp');
  await waitFor('a part of the copy', async () => {
    const names = await readdir(tmp, { recursive: true, withFileTypes: true });
    const [file] = names.filter((entry) => entry.isFile());
    return file !== undefined && (await stat(join(file.parentPath, file.name))).size > 0;
  });
  await truncate(source, 1);
  const { status, body } = await collecting;
  const copy = await stat(join(gateway.storageDir, 'files', 'large'));
  assert.deepEqual([status, body.sizeBytes], [200, copy.size]);
  assert.ok(copy.size < 2_000_000_000, 'it was truncated in time');
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
