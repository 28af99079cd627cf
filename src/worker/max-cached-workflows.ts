import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

/** What this process may use, in bytes. */
export interface MemoryLimits {
  /** Of V8 for the heap of one thread. All workflows are in that of one thread. */
  readonly heap: number;
  /** Of the container or, without a container, of the machine. */
  readonly process: number;
}

/** Several times what a usual pipeline holds, since one with thousands of files holds more. */
const BYTES_PER_WORKFLOW = 300_000;

/** What the thread of the workflows needs beside them. */
const HEAP_OVERHEAD = 64_000_000;

/** What the process needs beside its workflows: a worker at rest, and its requests. */
const PROCESS_OVERHEAD = 350_000_000;

/** Fewer save no memory worth it. */
const MIN_WORKFLOWS = 100;

/** A pipeline that waits for hours needs no place: the next task of one that has none replays its history, which is short. */
const MAX_WORKFLOWS = 1_000;

/** How many workflows a worker keeps in memory between their tasks, unless it is configured. */
export function defaultMaxCachedWorkflows(limits: MemoryLimits = readMemoryLimits()): number {
  const free = Math.min(limits.heap - HEAP_OVERHEAD, limits.process - PROCESS_OVERHEAD);
  const fitting = Math.floor(free / BYTES_PER_WORKFLOW);
  return Math.min(Math.max(fitting, MIN_WORKFLOWS), MAX_WORKFLOWS);
}

function readMemoryLimits(): MemoryLimits {
  // Without a container it is 0, undefined or more than there is.
  const container = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return { heap: getHeapStatistics().heap_size_limit, process: Math.min(container, totalmem()) };
}
