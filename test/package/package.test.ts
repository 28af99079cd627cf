import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { packInto } from '../support/packed.js';

const run = promisify(execFile);

/** What a user of the library gets beside Temporal's SDK, which is a peer. */
const DEPENDENCIES = ['undici', 'zod'];

let folder: string;
let tarball: string;
let packed: string;
let files: string[];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  tarball = await packInto(folder);
  await run('tar', ['-xzf', tarball, '-C', folder]);
  packed = join(folder, 'package');
  const entries = await readdir(packed, { recursive: true, withFileTypes: true });
  files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
});
after(() => rm(folder, { recursive: true }));

test('publint has nothing to say about the package', async () => {
  const { messages, pkg } = await publint({ pkgDir: packed, pack: false, strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg, { color: false })),
    [],
  );
});

test('every entry has its types, in ESM, in CommonJS and under the old module resolution', async () => {
  const result = await checkPackage(createPackageFromTarballData(await readFile(tarball)));
  assert.ok(result.types);
  assert.deepEqual(result.problems, []);
  assert.deepEqual(
    Object.keys(result.entrypoints).sort(),
    ['.', './client', './package.json', './testing', './workflow'].sort(),
  );
});

test('no file refers to a source map that is not there', async () => {
  for (const file of files.filter((path) => /\.[cm]?js$/.test(path))) {
    const [, map] = /^\/\/# sourceMappingURL=(?!data:)(\S+)$/m.exec(await readFile(file, 'utf8')) ?? [];
    if (map !== undefined) await access(join(dirname(file), map));
  }
});

test('every relative link of the pages in the package resolves', async () => {
  for (const file of files.filter((path) => path.endsWith('.md'))) {
    const links = (await readFile(file, 'utf8')).matchAll(/\]\(([^)#\s]+)[^)\s]*\)/g);
    for (const [, link = ''] of links) {
      if (!/^https?:/.test(link)) await access(join(dirname(file), link));
    }
  }
});

test('the bundled packages are named with their licenses', async () => {
  const notices = await readFile(join(packed, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8');
  for (const name of ['commander', 'hono', 'pino']) {
    assert.match(notices, new RegExp(`^${name} [\\d.]+ \\(MIT\\)\\n\\n.*permission`, 'ims'));
  }
});

test('a user of the library installs nothing that only the executables need', async () => {
  const { dependencies, optionalDependencies } = JSON.parse(
    await readFile(join(packed, 'package.json'), 'utf8'),
  );
  assert.deepEqual([Object.keys(dependencies), optionalDependencies], [DEPENDENCIES, undefined]);
});

test('no file imports anything but the dependencies and the peers', async () => {
  const { dependencies, peerDependencies } = JSON.parse(await readFile(join(packed, 'package.json'), 'utf8'));
  const allowed = new Set(Object.keys({ ...dependencies, ...peerDependencies }));
  const entries = files.filter((path) => /dist\/(index|workflow|client|testing)\.c?js$/.test(path));
  assert.equal(entries.length, 8);
  for (const file of entries) {
    const imported = await listImports(file);
    assert.ok(imported.length > 0, file);
    assert.deepEqual(
      imported.filter((name) => !isBuiltin(name) && !allowed.has(name)),
      [],
      file,
    );
  }
});

/** The packages that a file of the build imports, with the files of the build that it imports. */
async function listImports(file: string): Promise<string[]> {
  const code = await readFile(file, 'utf8');
  const imports = /(?:^(?:import|export)\b[^;"]*?\bfrom |^import |\brequire\(|\bimport\()"([^"]+)"/gm;
  const paths = [...code.matchAll(imports)].map(([, path = '']) => path);
  const own = paths.filter((path) => path.startsWith('./')).map((path) => join(dirname(file), path));
  const others = paths
    .filter((path) => !path.startsWith('.'))
    .map((path) => /^(@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? '');
  return [...others, ...(await Promise.all(own.map(listImports))).flat()];
}
