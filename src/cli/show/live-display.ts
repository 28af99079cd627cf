import { createLogUpdate } from 'log-update';
import type { Output } from '../io.js';
import type { WorkflowSnapshot } from '../temporal/workflow-snapshot.js';
import { colorsOf } from './lines.js';
import { liveLines } from './live-lines.js';
import { Rate } from './rate.js';
import type { Display } from './wait-for-result.js';

const DEFAULT_COLUMNS = 80;

/** For a terminal: a few lines that are written anew with each look. */
export class LiveDisplay implements Display {
  readonly #output: Output;
  readonly #update: ReturnType<typeof createLogUpdate>;
  readonly #rate = new Rate();
  readonly #sinceMs = Date.now();

  constructor(output: Output) {
    this.#output = output;
    // Of a stream it uses what an output of a terminal has.
    this.#update = createLogUpdate(output as NodeJS.WriteStream);
  }

  show(snapshot: WorkflowSnapshot): void {
    const nowMs = Date.now();
    const { counts } = snapshot.progress ?? {};
    if (counts) this.#rate.add(counts.collected + counts.kept, nowMs);
    const lines = liveLines(snapshot, {
      columns: this.#output.columns ?? DEFAULT_COLUMNS,
      colors: colorsOf(this.#output),
      filesPerSecond: this.#rate.perSecond,
      elapsedMs: nowMs - this.#sinceMs,
    });
    this.#update(lines.join('\n'));
  }

  say(line: string): void {
    this.#update.persist(line);
  }

  clear(): void {
    // The report takes its place.
    this.#update.clear();
    this.#update.done();
  }
}
