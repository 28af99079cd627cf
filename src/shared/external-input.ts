import { z } from 'zod';

/** Deeper than any input has to be, and far from where a recursive reader such as JSON.stringify ends the stack. */
const MAX_DEPTH = 200;

/** An object or array on the way to a value, as the end of a linked path. */
interface Container {
  readonly value: Readonly<Record<string | number, unknown>>;
  readonly depth: number;
  readonly key: string | number | undefined;
  readonly parent: Container | undefined;
}

interface Flaw {
  readonly path: (string | number)[];
  readonly message: string;
}

/**
 * A schema for what a client, a workflow or a job in any language may have written. Whatever reads the value after it, zod
 * and Temporal's encoder included, may trust that it is not too deep, and that each text in it is well-formed, the names
 * of fields too: Temporal's core cannot encode a lone surrogate, and its worker would never end.
 */
export function externalInput<S extends z.ZodType>(schema: S): z.ZodType<z.output<S>, z.input<S>> {
  const json = z.custom<z.input<S>>().superRefine((value, context) => {
    const flaw = findFlaw(value);
    if (flaw !== undefined) context.addIssue({ code: 'custom', ...flaw });
  });
  return json.pipe(schema as z.ZodType<z.output<S>, z.input<S>>);
}

/** Whether objects and arrays are at most so many levels deep; `{}` is one. */
export function isAtMostDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((child) => isAtMostDeep(child, levels - 1));
}

/** The first thing in a value that JSON or Temporal cannot hold. It takes no recursion, which a deep value would end. */
function findFlaw(root: unknown): Flaw | undefined {
  const pending: Container[] = [];
  const enter = (value: unknown, parent?: Container, key?: string | number): string | undefined => {
    if (typeof value === 'string') return value.isWellFormed() ? undefined : 'is not well-formed Unicode';
    if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'is not a finite number';
    if (typeof value !== 'object' || value === null) return undefined;
    if (ArrayBuffer.isView(value)) return 'expected JSON, received bytes';
    const depth = (parent?.depth ?? 0) + 1;
    if (depth > MAX_DEPTH) return `is more than ${MAX_DEPTH} levels deep`;
    pending.push({ value: value as Container['value'], depth, key, parent });
    return undefined;
  };

  let message = enter(root);
  if (message !== undefined) return { path: [], message };
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const { value } = at;
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index += 1) {
        message = enter(value[index], at, index);
        if (message !== undefined) return { path: [...pathOf(at), index], message };
      }
    } else {
      for (const key in value) {
        message = isFieldName(key) ? enter(value[key], at, key) : 'must not be the name of a field';
        if (message !== undefined) return { path: [...pathOf(at), key], message };
      }
    }
  }
  return undefined;
}

/** JavaScript takes `__proto__` for something else than a field, and zod drops it. */
function isFieldName(key: string): boolean {
  return key.isWellFormed() && key !== '__proto__';
}

function pathOf(container: Container): (string | number)[] {
  const path: (string | number)[] = [];
  for (let at: Container | undefined = container; at?.key !== undefined; at = at.parent) path.push(at.key);
  return path.reverse();
}
