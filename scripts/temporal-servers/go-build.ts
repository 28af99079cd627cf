import { findOnPath, runTool } from './build-tool.js';
import type { ServerIo } from './server-io.js';
import { CLI_VERSION } from './versions.js';

/** Puts `temporal`, the CLI with the development server and its UI, into `folder`. */
export async function buildDevServer(folder: string, io: ServerIo): Promise<void> {
  const go = await findOnPath('go', io.env);
  if (!go) throw new Error('Go is not installed (https://go.dev/dl)');
  await runTool(go, ['install', `github.com/temporalio/cli/cmd/temporal@v${CLI_VERSION}`], {
    // Its work folder too, which it leaves behind when it is interrupted.
    env: { ...io.env, GOBIN: folder, GOTMPDIR: folder },
    signal: io.signal,
    cwd: folder,
  });
}
