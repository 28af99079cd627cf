import type { Output } from '../io.js';
import type { Sight } from '../temporal/look.js';
import { describeProgress, describeRetry, helpFor } from './describe-sight.js';
import type { Display } from './follow.js';

/** For a log: a line for each change. */
export class LineDisplay implements Display {
  readonly #output: Output;
  readonly #said = new Set<string>();

  constructor(output: Output) {
    this.#output = output;
  }

  show(sight: Sight): void {
    for (const retry of sight.retries) this.#sayOnce(`  ${describeRetry(retry)}`, retry.id);
    if (sight.progress !== undefined) this.#sayOnce(describeProgress(sight.progress));
    const help = helpFor(sight);
    if (help !== undefined) this.#sayOnce(help);
  }

  say(line: string): void {
    this.#output.write(`${line}\n`);
  }

  end(): void {}

  #sayOnce(line: string, id = line): void {
    if (this.#said.has(id)) return;
    this.#said.add(id);
    this.say(line);
  }
}
