import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemErrorCode } from './storage.js';

export interface Folders {
  readonly workspaceDir: string;
  readonly storageDir: string;
  /** Leaves the folders that the caller named. */
  removeTemporary(): Promise<void>;
}

/** The folders of a gateway: a temporary one in place of each that the caller does not name. */
export async function createFolders({ workspaceDir, storageDir }: Partial<Folders>): Promise<Folders> {
  const created: string[] = [];
  const createTemporary = async (name: string) => {
    const folder = await mkdtemp(join(tmpdir(), `bctrl-gateway-${name}-`));
    created.push(folder);
    return folder;
  };
  return {
    workspaceDir: workspaceDir ?? (await createTemporary('workspace')),
    storageDir: storageDir ?? (await createTemporary('storage')),
    async removeTemporary() {
      for (const folder of created) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Makes a folder and those above it. `mkdir` with `recursive` would not end in a folder such as `/proc`. */
export async function makeFolder(what: 'workspace' | 'storage', folder: string): Promise<void> {
  try {
    await makeFolders(folder);
    if (!(await stat(folder)).isDirectory()) throw new Error('a file is in the way');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot use ${folder} as ${what}: ${reason}`, { cause });
  }
}

async function makeFolders(folder: string): Promise<void> {
  const make = async () => {
    await mkdir(folder).catch((error) => {
      if (systemErrorCode(error) !== 'EEXIST') throw error;
    });
  };
  try {
    await make();
  } catch (error) {
    const parent = dirname(folder);
    if (systemErrorCode(error) !== 'ENOENT' || parent === folder) throw error;
    await makeFolders(parent);
    await make();
  }
}
