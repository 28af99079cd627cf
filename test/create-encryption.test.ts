import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { createEncryption } from '../src/create-encryption.js';
import { createTestFolder } from './support/gateway.js';

const key = randomBytes(32).toString('base64');

test('wrong keys are refused, and nothing is said of them', () => {
  assert.throws(() => createEncryption({ keys: [] }), { message: 'createEncryption: keys is empty' });
  assert.throws(() => createEncryption({ keys: [{ id: 'k1', key: 'secret' }] }), {
    name: 'TypeError',
    message: 'createEncryption: keys[0] has a key that is not 32 bytes in base64',
  });
});

for (const format of ['esm', 'cjs'] as const) {
  test(`a bundle of the client for ${format} loads, and only encryption needs its files`, async (t) => {
    const folder = await createTestFolder(t);
    const outfile = `${folder}/service.${format === 'esm' ? 'mjs' : 'cjs'}`;
    await build({
      entryPoints: ['src/client.ts'],
      outfile,
      bundle: true,
      platform: 'node',
      format,
      logLevel: 'error',
      logOverride: { 'empty-import-meta': 'silent' },
      plugins: [
        {
          // A bundle in another folder finds them by their paths only.
          name: 'peers',
          setup: ({ onResolve }) =>
            onResolve({ filter: /^@temporalio\// }, ({ path }) => ({
              path: import.meta.resolve(path).replace('file://', ''),
              external: true,
            })),
        },
      ],
    });
    const client: typeof import('../src/client.js') = await import(pathToFileURL(outfile).href);
    const input = { runtimeId: 'rt_1', files: [{ runtimePath: 'a.csv' }] };
    assert.match(client.pipelineWorkflowId(input), /^post-run\/rt_1\//);
    assert.throws(() => client.createEncryption({ keys: [{ id: 'k1', key }] }), {
      message:
        'createEncryption: a file of bctrl-temporal is missing: leave the package out of your bundle, as an external one',
    });
  });
}
