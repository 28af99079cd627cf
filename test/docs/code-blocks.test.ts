import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { codeBlocksOf, listPages, REPOSITORY, readPage } from './markdown.js';

const TSC = join(REPOSITORY, 'node_modules/typescript/bin/tsc');

/** Stands for the package as its users install it, so that no build is needed. */
const tsconfig = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    paths: { 'bctrl-temporal': ['../../src/index.ts'], 'bctrl-temporal/*': ['../../src/*.ts'] },
  },
  include: ['*.ts'],
};

/** Shows that the compiler checks the names of the package at all. */
const WRONG_BLOCK = "import { NoSuchName } from 'bctrl-temporal';\n";

/** What the compiler prints. */
function compile(folder: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [TSC, '-p', folder], { cwd: folder }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

test('every TypeScript block of the documentation type-checks against the package', async (t) => {
  // Inside the repository, from where the compiler finds the dependencies.
  await mkdir(join(REPOSITORY, '.demo'), { recursive: true });
  const folder = await mkdtemp(join(REPOSITORY, '.demo/code-blocks-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig));
  await writeFile(join(folder, 'wrong.ts'), WRONG_BLOCK);
  for (const page of await listPages()) {
    for (const [index, block] of codeBlocksOf(await readPage(page), 'ts').entries()) {
      await writeFile(join(folder, `${basename(page, '.md')}-${index + 1}.ts`), block);
    }
  }
  assert.match(await compile(folder), /^wrong\.ts\([\d,]+\): error TS2305: .*NoSuchName.*\n$/);
});
