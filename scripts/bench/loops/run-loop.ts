import { performance } from 'node:perf_hooks';

/** What a loop's process is told. */
export interface LoopInput {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly runtimeId: string;
  readonly concurrency: number;
  readonly calls: number;
  readonly warmUpCalls: number;
}

export interface LoopResult {
  readonly ms: number;
  /** Of the loop's own process, as a share of one core. */
  readonly cpuShare: number;
}

/**
 * The life of a loop's process: it makes the calls of the warm-up, says that it is ready, waits for the word, makes
 * the calls that are measured, and tells the result. The number that `call` is given is different each time.
 */
export async function runLoop(
  createCall: (input: LoopInput) => (number: number) => Promise<unknown>,
): Promise<void> {
  const input = JSON.parse(process.argv[2] ?? '{}') as LoopInput;
  const { concurrency, calls, warmUpCalls } = input;
  const call = createCall(input);
  await repeat(call, { from: 0, to: warmUpCalls, concurrency });

  // The listener stays, and with it the process, until it is ended: its last message must not be lost.
  const start = new Promise((resolve) => process.on('message', resolve));
  process.send?.({ ready: true });
  await start;
  const [startMs, cpu] = [performance.now(), process.cpuUsage()];
  await repeat(call, { from: warmUpCalls, to: warmUpCalls + calls, concurrency });
  const ms = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpu);
  process.send?.({ ms, cpuShare: (user + system) / 1_000 / ms } satisfies LoopResult);
}

async function repeat(
  call: (number: number) => Promise<unknown>,
  { from, to, concurrency }: { from: number; to: number; concurrency: number },
): Promise<void> {
  let next = from;
  const lane = async () => {
    while (next < to) {
      next += 1;
      await call(next);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}
