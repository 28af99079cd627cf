import { probeCpu } from './machine.js';
import { type LoopFigures, measureLoop } from './measure-loop.js';
import {
  type LatencyFigures,
  type MemoryFigures,
  measureLatency,
  measureMemory,
  measureNoopPipeline,
  measurePipeline,
  type PipelineFigures,
} from './measure-pipelines.js';
import { createSteps, type Session } from './session.js';

/** Everything measured once, one after the other. */
export interface Repetition {
  readonly raw: LoopFigures;
  readonly collect: LoopFigures;
  readonly noop: LoopFigures;
  /** The raw loop in two processes at the same time. */
  readonly twoProcessRaw: LoopFigures;
  readonly noopPipeline: PipelineFigures;
  /** In the order of the plan's sizes. */
  readonly pipelines: readonly PipelineFigures[];
  readonly latency: LatencyFigures;
  readonly memory: readonly MemoryFigures[];
  readonly helpMs: readonly number[];
  /** CPU probes before, between and after the others. */
  readonly probeMs: readonly number[];
}

/** The smaller of the two pipelines whose memory is compared, if the plan has a larger one. */
const SMALL_MEMORY_FILES = 100;

export async function measureOnce(session: Session): Promise<Repetition> {
  const { plan, processes } = session;
  const { step, probeMs } = createSteps(session);
  const runHelp = async () => {
    const helpMs: number[] = [];
    for (let run = 0; run < plan.helpRuns; run += 1) helpMs.push((await processes.runStarter(['--help'])).ms);
    return helpMs;
  };

  const raw = await step('raw undici loop', () => measureLoop(session, 'raw'));
  const collect = await step('collectRuntimeFile', () => measureLoop(session, 'collect'));
  const noop = await step('no-op activity', () => measureLoop(session, 'noop'));
  const twoProcessRaw = await step('two raw undici loops', () => measureLoop(session, 'raw', 2));
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
  const helpMs = await step('starter --help', runHelp);
  probeMs.push(probeCpu());
  return { raw, collect, noop, twoProcessRaw, noopPipeline, pipelines, latency, memory, helpMs, probeMs };
}

function memorySizes(sizes: readonly number[]): number[] {
  const largest = Math.max(...sizes);
  return [largest > SMALL_MEMORY_FILES ? SMALL_MEMORY_FILES : Math.min(...sizes), largest];
}
