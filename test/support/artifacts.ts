import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER =
  process.env['BCTRL_ARTIFACTS_DIR'] ?? fileURLToPath(new URL('../../artifacts', import.meta.url));

/** Keeps the output of a test for people to look at. */
export async function keepArtifact(name: string, content: string | Uint8Array): Promise<void> {
  const file = join(FOLDER, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}
