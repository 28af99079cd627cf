import { type LoopFigures, measureLoop } from './loops/measure-loop.js';
import { type Latencies, measureLatency } from './pipelines/measure-latency.js';
import { type MemoryFigures, measureMemory } from './pipelines/measure-memory.js';
import { measureNoopPipeline, type NoopFigures } from './pipelines/measure-noop-pipeline.js';
import { measurePipeline, type PipelineFigures } from './pipelines/measure-pipeline.js';
import { probeCpu } from './probe-cpu.js';
import { runStarter } from './run-starter.js';
import type { Session } from './session.js';

/** Everything measured once, side by side. */
export interface Repetition {
  readonly raw: LoopFigures;
  readonly collect: LoopFigures;
  readonly noop: LoopFigures;
  /** The raw loop in two processes at the same time. */
  readonly headroom: LoopFigures;
  readonly noopPipeline: NoopFigures;
  /** In the order of the plan's sizes. */
  readonly pipelines: readonly PipelineFigures[];
  readonly latency: Latencies;
  readonly memory: readonly MemoryFigures[];
  readonly helpMs: readonly number[];
  /** Of the CPU probe, before, between and after the others. */
  readonly probeMs: readonly number[];
}

/** The pipelines whose memory is compared; a plan with smaller ones compares the two that it has. */
const SMALL_MEMORY_FILES = 100;

export async function measureOnce(session: Session): Promise<Repetition> {
  const { plan, processes, log } = session;
  const probeMs: number[] = [];
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    session.signal.throwIfAborted();
    probeMs.push(probeCpu());
    log(`  ${name}`);
    return await work();
  };

  const raw = await step('raw undici loop', () => measureLoop(session, 'raw-loop'));
  const collect = await step('collectRuntimeFile', () => measureLoop(session, 'collect-loop'));
  const noop = await step('no-op activity', () => measureLoop(session, 'noop-loop'));
  const headroom = await step('two raw undici loops', () => measureLoop(session, 'raw-loop', 2));
  const noopPipeline = await step(`pipeline of ${plan.noopFiles} no-op activities`, () =>
    measureNoopPipeline(session),
  );
  const pipelines: PipelineFigures[] = [];
  for (const files of plan.sizes) {
    pipelines.push(await step(`pipeline of ${files} files`, () => measurePipeline(session, files)));
  }
  const latency = await step('latency', () => measureLatency(session));
  const memory: MemoryFigures[] = [];
  for (const files of memorySizes(plan.sizes)) {
    memory.push(await step(`memory at ${files} files`, () => measureMemory(session, files)));
  }
  const helpMs: number[] = [];
  await step('starter --help', async () => {
    for (let run = 0; run < plan.helpRuns; run += 1)
      helpMs.push((await runStarter(processes, ['--help'])).ms);
  });
  probeMs.push(probeCpu());
  return { raw, collect, noop, headroom, noopPipeline, pipelines, latency, memory, helpMs, probeMs };
}

function memorySizes(sizes: readonly number[]): number[] {
  const largest = Math.max(...sizes);
  return [largest > SMALL_MEMORY_FILES ? SMALL_MEMORY_FILES : Math.min(...sizes), largest];
}
