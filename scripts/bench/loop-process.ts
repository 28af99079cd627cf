import { performance } from 'node:perf_hooks';
import { filePath } from './gateway.js';
import type { LoopInput, LoopName, LoopResult } from './measure-loop.js';

type Call = (number: number) => Promise<unknown>;

/*
 * A process that makes the calls of its warm-up, reports that it is ready, waits for a message, makes the measured calls and
 * reports the result. Each call gets a different number.
 */
const input = JSON.parse(process.argv[2] ?? '{}') as LoopInput;
const loops: Record<LoopName, () => Promise<Call>> = { raw, collect, noop };
const call = await loops[input.name]();
await repeat(0, input.warmUpCalls);
// The listener keeps the process alive until it is killed; else its last message could be lost.
const start = new Promise((resolve) => process.on('message', resolve));
process.send?.({ ready: true });
await start;
const [startMs, cpu] = [performance.now(), process.cpuUsage()];
await repeat(input.warmUpCalls, input.warmUpCalls + input.calls);
const ms = performance.now() - startMs;
const { user, system } = process.cpuUsage(cpu);
process.send?.({ ms, cpuShare: (user + system) / 1_000 / ms } satisfies LoopResult);

async function repeat(from: number, to: number): Promise<void> {
  let next = from;
  const slot = async () => {
    while (next < to) {
      next += 1;
      await call(next);
    }
  };
  await Promise.all(Array.from({ length: input.concurrency }, slot));
}

/** The limit: the request that a pipeline sends for a file, with nothing around it that could be left out. */
async function raw(): Promise<Call> {
  const { Agent, request } = await import('undici');
  const { gatewayUrl, apiKey, runtimeId } = input;
  const dispatcher = new Agent();
  const url = `${gatewayUrl}/v1/runtimes/${runtimeId}/files/collect`;
  const headers = {
    authorization: `Bearer ${apiKey}`,
    accept: 'application/json',
    'content-type': 'application/json',
  };
  return async (number) => {
    const metadata = { temporalCollectionKey: `${runtimeId}/${runtimeId}/${number}` };
    const body = JSON.stringify({ runtimePath: filePath(number), metadata });
    const response = await request(url, { dispatcher, method: 'POST', headers, body });
    const file = await response.body.json();
    if (response.statusCode !== 200) throw new Error(`The gateway returned ${response.statusCode}`);
    return file;
  };
}

/** The built activity, without Temporal. */
async function collect(): Promise<Call> {
  const { gatewayUrl: baseUrl, apiKey, runtimeId, concurrency: maxRequests } = input;
  const dist = new URL('../../dist/index.js', import.meta.url).href;
  const { BctrlClient, createActivities } = (await import(dist)) as typeof import('../../src/index.js');
  const client = new BctrlClient({ apiKey, baseUrl, maxRequests });
  const { collectRuntimeFile } = createActivities({ client });
  const run = await createRunner();
  return (number) =>
    run(() =>
      collectRuntimeFile({
        runtimeId,
        runtimePath: filePath(number),
        collectionKey: `${runtimeId}/${runtimeId}/${number}`,
      }),
    );
}

/** The cost of the environment itself, with an activity that does nothing. */
async function noop(): Promise<Call> {
  const run = await createRunner();
  return () => run(async () => {});
}

/** Each call has its own environment, as each task has in a worker. A shared one would collect listeners on its signal. */
async function createRunner(): Promise<(activity: () => Promise<unknown>) => Promise<unknown>> {
  const { MockActivityEnvironment } = await import('@temporalio/testing');
  const { DefaultLogger } = await import('@temporalio/worker');
  const logger = new DefaultLogger('ERROR');
  return (activity) => new MockActivityEnvironment({}, { logger }).run(activity);
}
