import { chmod, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readPage, sectionOf } from '../docs/markdown.js';
import { type ProcessResult, startProcess } from './executable.js';
import { createTestFolder } from './gateway.js';
import { devServerExecutable } from './temporal.js';

const STARTER = fileURLToPath(new URL('../../dist/starter.js', import.meta.url));

/** The commands of a section of docs/runbook.md, without those for a Kubernetes cluster. */
export async function readCommands(heading: string): Promise<string[]> {
  const section = sectionOf(await readPage('docs/runbook.md'), heading);
  // Until the next heading, whatever its level.
  const [text = ''] = section.split(/^#/m);
  const blocks = [...text.matchAll(/^( *)```sh\n(.*?)\n *```$/gms)];
  return blocks
    .flatMap(([, , block = '']) => block.split('\n').map((line) => line.trim()))
    .filter((line) => !line.startsWith('kubectl '));
}

export interface Shell {
  /** Where the commands run. */
  readonly folder: string;
  run(command: string, variables?: Readonly<Record<string, string>>): Promise<ProcessResult>;
}

/** A shell with `bctrl-temporal` and `temporal` on its path, and these variables. */
export async function createShell(t: TestContext, env: Readonly<Record<string, string>>): Promise<Shell> {
  const folder = await createTestFolder(t);
  const bin = await createTestFolder(t);
  const starter = join(bin, 'bctrl-temporal');
  await writeFile(starter, `#!/bin/sh\nexec "${process.execPath}" "${STARTER}" "$@"\n`);
  await chmod(starter, 0o755);
  await symlink(devServerExecutable(), join(bin, 'temporal'));
  const PATH = `${bin}:${process.env['PATH']}`;
  return {
    folder,
    run: (command, variables) =>
      startProcess(t, 'sh', ['-c', command], { env: { PATH, ...env, ...variables }, cwd: folder }).ended,
  };
}
