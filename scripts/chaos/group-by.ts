/** `Map.groupBy`, which Node 20 does not have. */
export function groupBy<Key, T>(items: readonly T[], toKey: (item: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>();
  for (const item of items) {
    const group = groups.get(toKey(item));
    if (group) group.push(item);
    else groups.set(toKey(item), [item]);
  }
  return groups;
}
