/** A server answers so many requests of one command at once without noticing. */
const CONCURRENCY = 10;

/** Like `Promise.all` of `map`, with a few calls at a time and the results in order. */
export async function mapLimited<T, R>(items: readonly T[], convert: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async () => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await convert(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return results;
}
