import * as z from 'zod';
import { formatCount, truncatePath } from '../shared/display-text.js';

/** More than a person reads; the files themselves say the rest. */
const MAX_WARNINGS = 100;

export const warningsStateSchema = z.strictObject({
  warnings: z.array(z.string()),
  /** By text, as entries of a `Map`. */
  fileWarnings: z.array(z.tuple([z.string(), z.strictObject({ count: z.int(), firstPath: z.string() })])),
});
export type WarningsState = z.infer<typeof warningsStateSchema>;

/** The warnings of a report. */
export class Warnings {
  readonly #warnings: string[];
  readonly #fileWarnings: Map<string, { readonly count: number; readonly firstPath: string }>;

  constructor({ warnings, fileWarnings }: WarningsState = { warnings: [], fileWarnings: [] }) {
    this.#warnings = [...warnings];
    this.#fileWarnings = new Map(fileWarnings);
  }

  add(warning: string): void {
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(warning);
  }

  /** Adds a warning that may hold for many files. It is listed once, with the first path and the number of the others. */
  addForFile(text: string, path: string): void {
    const { count = 0, firstPath = truncatePath(path) } = this.#fileWarnings.get(text) ?? {};
    this.#fileWarnings.set(text, { count: count + 1, firstPath });
  }

  addDuplicates(path: string, duplicateIds: readonly string[]): void {
    const ids = duplicateIds.join(', ');
    this.add(`${truncatePath(path)}: the API made it more than once; the other files are ${ids}`);
  }

  get all(): string[] {
    const fileWarnings = [...this.#fileWarnings].map(([text, { count, firstPath }]) => {
      const more = count === 1 ? '' : ` and ${formatCount(count - 1)} more`;
      return `${firstPath}${more}: ${text}`;
    });
    return [...fileWarnings, ...this.#warnings];
  }

  toState(): WarningsState {
    return { warnings: this.#warnings, fileWarnings: [...this.#fileWarnings] };
  }
}
