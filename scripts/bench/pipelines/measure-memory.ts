import { randomUUID } from 'node:crypto';
import { readPeakBytes, resetPeak } from '../peak-memory.js';
import type { Session } from '../session.js';
import { startWorker } from '../worker.js';
import { runPipeline } from './measure-pipeline.js';

/** So that what is loaded with the first pipeline is not taken for its memory. */
const WARM_UP_FILES = 10;

export interface MemoryFigures {
  readonly files: number;
  readonly workerStartMs: number;
  /** The worker's highest resident set while the pipeline ran; `undefined` where the system does not tell. */
  readonly peakBytes: number | undefined;
}

/** What a pipeline takes of the memory of a worker that is fresh, but for one small pipeline. */
export async function measureMemory(session: Session, files: number): Promise<MemoryFigures> {
  const taskQueue = `memory-${randomUUID()}`;
  const worker = await startWorker(session, taskQueue);
  await runPipeline(session, taskQueue, WARM_UP_FILES);
  await resetPeak(worker.pid);
  await runPipeline(session, taskQueue, files);
  const peakBytes = await readPeakBytes(worker.pid);
  await worker.end();
  return { files, workerStartMs: worker.startMs, peakBytes };
}
