import type { Processes } from '../processes.js';
import { startScript } from '../script.js';
import type { CommittedFile } from './file-store.js';

export const API_KEY = 'benchmark-key';

export type GatewayRequest =
  /** The load since the first collect after the last `reset`. */
  | { readonly ask: 'load' }
  | { readonly ask: 'reset' }
  | { readonly ask: 'books'; readonly runtimeId: string };

/** How busy the gateway's process was, as shares of one core and of the time. */
export interface GatewayLoad {
  readonly cpuShare: number;
  readonly loopUtilization: number;
}

/** The benchmark's gateway in a process of its own. */
export interface Gateway {
  readonly url: string;
  /** Runs `work` and tells how busy the gateway was, from its first collect to the end. */
  observe<T>(work: () => Promise<T>): Promise<{ result: T; load: GatewayLoad }>;
  /** What was committed for a runtime, which the gateway then forgets. */
  takeBooks(runtimeId: string): Promise<readonly CommittedFile[]>;
}

export async function startGateway(processes: Processes): Promise<Gateway> {
  const script = startScript(processes, 'gateway/gateway-process.ts', { apiKey: API_KEY });
  const { port } = await script.receive<{ port: number }>();
  const ask = <T>(request: GatewayRequest) => {
    const answer = script.receive<T>();
    script.send(request);
    return answer;
  };
  return {
    url: `http://127.0.0.1:${port}`,
    async observe(work) {
      script.send({ ask: 'reset' } satisfies GatewayRequest);
      const result = await work();
      return { result, load: await ask<GatewayLoad>({ ask: 'load' }) };
    },
    takeBooks: (runtimeId) => ask({ ask: 'books', runtimeId }),
  };
}
