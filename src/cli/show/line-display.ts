import type { Output } from '../io.js';
import type { WorkflowSnapshot } from '../temporal/workflow-snapshot.js';
import { describeProgress, describeRetry, nextStep } from './status-text.js';
import type { Display } from './wait-for-result.js';

/** For a log: a line for each change. */
export class LineDisplay implements Display {
  readonly #output: Output;
  readonly #said = new Set<string>();

  constructor(output: Output) {
    this.#output = output;
  }

  show(snapshot: WorkflowSnapshot): void {
    for (const retry of snapshot.retries) this.#sayOnce(`  ${describeRetry(retry)}`, retry.id);
    if (snapshot.progress !== undefined) this.#sayOnce(describeProgress(snapshot.progress));
    const help = nextStep(snapshot);
    if (help !== undefined) this.#sayOnce(help);
  }

  say(line: string): void {
    this.#output.write(`${line}\n`);
  }

  clear(): void {}

  #sayOnce(line: string, id = line): void {
    if (this.#said.has(id)) return;
    this.#said.add(id);
    this.say(line);
  }
}
