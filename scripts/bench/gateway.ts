import type { Processes } from './processes.js';

export const API_KEY = 'benchmark-key';

export type GatewayRequest =
  /** The load since the first collect after the last `reset`. */
  | { readonly get: 'load' }
  | { readonly get: 'reset' }
  /** The files of a runtime, which the gateway then forgets. */
  | { readonly get: 'files'; readonly runtimeId: string };

/** How busy the gateway's process was, as shares of one core and of the time. */
export interface GatewayLoad {
  readonly cpuShare: number;
  readonly loopUtilization: number;
}

/** A file that a collect has created. */
export interface CommittedFile {
  readonly runtimePath: string;
  /** The collection key in its metadata. */
  readonly key: unknown;
}

/** The benchmark's gateway in its own process. */
export interface Gateway {
  readonly url: string;
  /** Runs `work`, and measures the gateway's load from the first collect on. */
  observe<T>(work: () => Promise<T>): Promise<{ result: T; load: GatewayLoad }>;
  /** The files of a runtime. The gateway forgets them, so that it does not slow down. */
  takeFiles(runtimeId: string): Promise<readonly CommittedFile[]>;
}

export async function startGateway(processes: Processes): Promise<Gateway> {
  const script = processes.startScript('gateway-process.ts', { apiKey: API_KEY });
  const { port } = await script.receive<{ port: number }>();
  const ask = <T>(request: GatewayRequest) => {
    const response = script.receive<T>();
    script.send(request);
    return response;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    async observe(work) {
      script.send({ get: 'reset' } satisfies GatewayRequest);
      const result = await work();
      return { result, load: await ask<GatewayLoad>({ get: 'load' }) };
    },
    takeFiles: (runtimeId) => ask({ get: 'files', runtimeId }),
  };
}

/** The path of a file in a runtime's workspace. All have one length, so that sizes per file can be compared. */
export function filePath(number: number): string {
  return `results/part-${String(number).padStart(6, '0')}.json`;
}

export function filePaths(count: number): string[] {
  return Array.from({ length: count }, (_, index) => filePath(index + 1));
}

/** @throws Error unless each path was collected exactly once, with its own collection key */
export function assertEachOnce(paths: readonly string[], committed: readonly CommittedFile[]): void {
  const missing = new Set(paths);
  const keys = new Set<unknown>([undefined]);
  for (const { runtimePath, key } of committed) {
    if (!missing.delete(runtimePath)) {
      const problem = paths.includes(runtimePath) ? 'twice' : 'without being asked for';
      throw new Error(`${runtimePath} was collected ${problem}`);
    }
    if (keys.has(key)) throw new Error(`${runtimePath} has no collection key of its own`);
    keys.add(key);
  }
  const [first] = missing;
  if (first !== undefined) throw new Error(`${missing.size} files were not collected, the first is ${first}`);
}
