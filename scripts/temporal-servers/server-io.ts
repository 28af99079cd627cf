import { downloadWithSdk, type SdkDownload } from './sdk-download.js';

/** What finding a server needs from the world around it. */
export interface ServerIo {
  /** Read for the three `BCTRL_TEMPORAL_*` variables, `XDG_CACHE_HOME` and `PATH`, and given to the build tools. */
  env: NodeJS.ProcessEnv;
  /** Receives one line for everything that takes longer than looking at a file. */
  log: (line: string) => void;
  /** Ends a running download or build; what was made so far is removed. */
  signal: AbortSignal | undefined;
  download: SdkDownload;
}

export function resolveServerIo(io: Partial<ServerIo> = {}): ServerIo {
  return {
    env: process.env,
    log: (line) => console.error(line),
    signal: undefined,
    download: downloadWithSdk,
    ...io,
  };
}
