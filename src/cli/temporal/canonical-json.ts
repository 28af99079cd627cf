import { createHash } from 'node:crypto';

/** JSON in which the keys of every object are sorted: it is the same for objects that differ in the order of their fields. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, each) => (isObject(each) ? sortKeys(each) : each));
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function sortKeys(object: object): object {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
