import { createHash } from 'node:crypto';

export type Random = ReturnType<typeof createRandom>;

/** Random choices that seed and topic determine, so that one topic's choices do not move those of another. */
export function createRandom(seed: number, topic: string) {
  let count = 0;
  const next = () => {
    count += 1;
    return createHash('sha256').update(`${seed}/${topic}/${count}`).digest().readUInt32BE() / 2 ** 32;
  };
  /** A whole number, both ends included. */
  const between = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  return {
    next,
    between,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new RangeError('There is nothing to pick from');
      return items[between(0, items.length - 1)] as T;
    },
    shuffle<T>(items: readonly T[]): T[] {
      return items
        .map((item) => ({ item, order: next() }))
        .sort((a, b) => a.order - b.order)
        .map(({ item }) => item);
    },
  };
}
