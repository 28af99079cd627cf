import { createLogUpdate } from 'log-update';
import type { Output } from '../io.js';
import type { Sight } from '../temporal/look.js';
import type { Display } from './follow.js';
import { colorsOf } from './lines.js';
import { liveLines } from './live-lines.js';
import { Rate } from './rate.js';

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

  show(sight: Sight): void {
    const nowMs = Date.now();
    const { counts } = sight.progress ?? {};
    if (counts) this.#rate.see(counts.collected + counts.kept, nowMs);
    const lines = liveLines(sight, {
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

  end(): void {
    // The report takes its place.
    this.#update.clear();
    this.#update.done();
  }
}
