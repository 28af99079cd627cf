import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { build } from 'esbuild';
import { parse } from 'yaml';
import { REPOSITORY, readPage, sectionOf } from './markdown.js';

const require = createRequire(import.meta.url);
const { dependencies, devDependencies, peerDependencies } = require('../../package.json');

/** Licences that ask for no more than a notice, which the build writes. */
const permissive = ['MIT', 'ISC', 'Apache-2.0', 'BSD-3-Clause'];

/** The packages that the executables bundle, with their folders. */
async function listBundled(): Promise<Map<string, string>> {
  const { metafile } = await build({
    absWorkingDir: REPOSITORY,
    entryPoints: ['src/worker.ts', 'src/starter.ts', 'src/gateway.ts', 'src/workflow.ts'],
    outdir: 'unused',
    write: false,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    metafile: true,
    external: Object.keys(peerDependencies),
  });
  const folders = Object.keys(metafile.inputs).flatMap(
    (path) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [],
  );
  return new Map(folders.map((folder) => [folder.replace(/.*node_modules\//, ''), folder]));
}

async function readManifest(folder: string): Promise<{ name: string; license: string }> {
  return JSON.parse(await readFile(join(REPOSITORY, folder, 'package.json'), 'utf8'));
}

describe('dependencies', async () => {
  const section = sectionOf(await readPage('CONTRIBUTING.md'), '## Dependencies');
  const rows = [...section.matchAll(/^\| (`.*) \|$/gm)].flatMap(([, row = '']) => {
    const [names = '', license, size, released, reason] = row.split(' | ');
    return [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) => ({
      name,
      license,
      size,
      released,
      reason,
    }));
  });
  const findRow = (name: string) =>
    rows.find((row) => row.name === name || row.name === name.replace(/\/.*/, '/*'));
  const bundled = await listBundled();

  test('each that users get, and that this project chose, has a row with licence, size, year and reason', async () => {
    const chosen = Object.keys({ ...dependencies, ...peerDependencies, ...devDependencies });
    const production = chosen.filter(
      (name) => name in dependencies || name in peerDependencies || bundled.has(name),
    );
    assert.ok(production.length > 20);
    for (const name of production) {
      const { license } = await readManifest(`node_modules/${name}`);
      const row = findRow(name);
      assert.equal(row?.license, license, name);
      assert.match(row?.size ?? '', /^\d+(\.\d+)?(, .+)?$/, name);
      assert.match(row?.released ?? '', /^20\d\d$/, name);
      assert.match(row?.reason ?? '', /\w/, name);
    }
  });

  test('no row is left of one that is gone', () => {
    const known = [...Object.keys({ ...dependencies, ...peerDependencies }), ...bundled.keys()];
    for (const { name } of rows) {
      const isKnown = known.some((each) => each === name || each.replace(/\/.*/, '/*') === name);
      assert.ok(isKnown, name);
    }
  });

  test('all that is bundled has a permissive licence', async () => {
    assert.ok(bundled.size > 30);
    for (const folder of bundled.values()) {
      const { name, license } = await readManifest(folder);
      assert.ok(permissive.includes(license), `${name}: ${license}`);
    }
  });
});

test('the image is built from one base image, by digest', async () => {
  const lines = (await readPage('docker/Dockerfile')).match(/^FROM .*$/gm) ?? [];
  const stages = lines.flatMap((line) => / AS (\S+)$/.exec(line)?.[1] ?? []);
  const bases = lines.map((line) => line.split(' ')[1] ?? '').filter((base) => !stages.includes(base));
  assert.ok(bases.length > 1);
  for (const base of bases) assert.match(base, /^node:[\w.-]+@sha256:[0-9a-f]{64}$/);
  assert.equal(new Set(bases).size, 1, 'what is built in one version of the image runs in another');
});

test('CI uses actions by digest, with the version beside it', async () => {
  const text = await readPage('.github/workflows/ci.yml');
  const uses: string[] = parse(text).jobs.test.steps.flatMap((step: { uses?: string }) => step.uses ?? []);
  assert.ok(uses.length > 4);
  for (const action of uses) {
    assert.match(action, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
    assert.match(text, new RegExp(`${action} # v\\d+\\.\\d+\\.\\d+$`, 'm'));
  }
});
