import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import type { Client } from '@temporalio/client';

/** Where and when a run was made. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  /** Processes that wanted a core, on average over the last minute. */
  readonly load: number;
  readonly node: string;
  readonly temporalServer: string;
  readonly date: string;
}

export async function describeMachine(client: Client): Promise<Machine> {
  const { serverVersion } = await client.workflowService.getSystemInfo({});
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: totalmem() / 1e9,
    system: `${type()} ${release()}`,
    load: loadavg()[0] ?? 0,
    node: process.version,
    temporalServer: serverVersion ?? 'unknown',
    date: new Date().toISOString(),
  };
}
