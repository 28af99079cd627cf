import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
