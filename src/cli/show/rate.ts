/** Long enough to be steady, short enough to show that nothing comes any more. */
const WINDOW_MS = 5_000;

/** How fast a count has grown lately. */
export class Rate {
  #seen: { readonly count: number; readonly atMs: number }[] = [];

  add(count: number, atMs: number): void {
    this.#seen.push({ count, atMs });
    // The last one before the window stays, as its beginning.
    while (this.#seen[1] !== undefined && this.#seen[1].atMs <= atMs - WINDOW_MS) this.#seen.shift();
  }

  /** 0 until it was seen twice. */
  get perSecond(): number {
    const [first] = this.#seen;
    const last = this.#seen.at(-1);
    if (first === undefined || last === undefined || last.atMs === first.atMs) return 0;
    return Math.max(0, ((last.count - first.count) * 1_000) / (last.atMs - first.atMs));
  }
}
