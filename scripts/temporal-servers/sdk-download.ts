import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EnvHttpProxyAgent, request } from 'undici';
import { runTool } from './build-tool.js';

export type ServerKind = 'dev-server' | 'time-skipping';

/** Puts the server into `folder` under the name `executable`; throws within seconds when there is no network. */
export type SdkDownload = (
  kind: ServerKind,
  folder: string,
  executable: string,
  io: { env: NodeJS.ProcessEnv; signal: AbortSignal | undefined },
) => Promise<void>;

/** Where the SDK's native core asks for the archive's address, and where the archive is. */
const DOWNLOAD_ORIGIN = 'https://temporal.download';

/** A host that answers does so in well under a second; more only makes people without network wait. */
const PROBE_TIMEOUT_MS = 3_000;

/** The core's HTTP client has no deadline. 50 MB in this time is a slow connection; the builds are faster than a slower one. */
const DOWNLOAD_TIMEOUT_MS = 5 * 60_000;

/**
 * Downloads with the SDK's own code, in a child process: it cannot be interrupted where it runs, and it starts the server
 * to prove that it works.
 */
export const downloadWithSdk: SdkDownload = async (kind, folder, executable, { env, signal }) => {
  await assertReachable(DOWNLOAD_ORIGIN, PROBE_TIMEOUT_MS);
  const child = fileURLToPath(new URL('sdk-download-process.ts', import.meta.url));
  const deadline = AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS);
  await runTool(process.execPath, ['--import', 'tsx', child, kind, folder], {
    env,
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
  });
  const [downloaded] = await readdir(folder);
  if (!downloaded) throw new Error('the SDK left no file');
  await rename(join(folder, downloaded), join(folder, executable));
};

/** Any HTTP answer will do. Proxy variables are obeyed, as by the core's HTTP client. */
export async function assertReachable(origin: string, timeoutMs: number): Promise<void> {
  const dispatcher = new EnvHttpProxyAgent();
  try {
    const { body } = await request(origin, {
      method: 'HEAD',
      dispatcher,
      signal: AbortSignal.timeout(timeoutMs),
    });
    await body.dump();
  } catch (cause) {
    throw new Error(`${new URL(origin).host} cannot be reached`, { cause });
  } finally {
    await dispatcher.destroy();
  }
}
