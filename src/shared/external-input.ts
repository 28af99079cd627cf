import * as z from 'zod';

/** Deeper than any input needs, and far from where a recursive reader such as JSON.stringify overflows the stack. */
const MAX_DEPTH = 200;

type Container = Readonly<Record<string | number, unknown>>;

/** An object or array to be visited, with the path to it as a linked list. */
interface PendingContainer {
  readonly value: Container;
  readonly depth: number;
  readonly key: string | number | undefined;
  readonly parent: PendingContainer | undefined;
}

interface Flaw {
  readonly path: (string | number)[];
  readonly message: string;
}

/**
 * A schema for input that a client, a workflow or a job in any language may have written. It refuses what Temporal or JSON
 * cannot hold before anything else reads it: values that are too deep, and texts or field names that are not well-formed.
 * Temporal's core cannot encode a lone surrogate, and the worker would retry for ever.
 */
export function externalInput<S extends z.ZodType>(schema: S): z.ZodType<z.output<S>, z.input<S>> {
  const json = z.custom<z.input<S>>().superRefine((value, context) => {
    const flaw = findFlaw(value);
    if (flaw !== undefined) context.addIssue({ code: 'custom', ...flaw });
  });
  return json.pipe(schema as z.ZodType<z.output<S>, z.input<S>>);
}

/** Whether a value is an object and no array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether objects and arrays are nested at most `levels` deep; `{}` is one level. */
export function isAtMostDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((child) => isAtMostDeep(child, levels - 1));
}

/**
 * The first thing in a value that JSON or Temporal cannot hold. Iterative, because recursion on a deep value would overflow
 * the stack.
 */
function findFlaw(root: unknown): Flaw | undefined {
  const pending: PendingContainer[] = [];
  const visit = (value: unknown, parent?: PendingContainer, key?: string | number): string | undefined => {
    if (typeof value === 'string') return value.isWellFormed() ? undefined : 'is not well-formed Unicode';
    if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'is not a finite number';
    if (!isContainer(value)) return undefined;
    if (ArrayBuffer.isView(value)) return 'expected JSON, received bytes';
    const depth = (parent?.depth ?? 0) + 1;
    if (depth > MAX_DEPTH) return `is more than ${MAX_DEPTH} levels deep`;
    pending.push({ value, depth, key, parent });
    return undefined;
  };

  let message = visit(root);
  if (message !== undefined) return { path: [], message };
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    const { value } = at;
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index += 1) {
        message = visit(value[index], at, index);
        if (message !== undefined) return { path: [...toPath(at), index], message };
      }
    } else {
      for (const key in value) {
        message = isFieldName(key) ? visit(value[key], at, key) : 'must not be the name of a field';
        if (message !== undefined) return { path: [...toPath(at), key], message };
      }
    }
  }
  return undefined;
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

/** `__proto__` is no field to JavaScript, and zod drops it. */
function isFieldName(key: string): boolean {
  return key.isWellFormed() && key !== '__proto__';
}

function toPath(container: PendingContainer): (string | number)[] {
  const path: (string | number)[] = [];
  for (let at: PendingContainer | undefined = container; at?.key !== undefined; at = at.parent) {
    path.push(at.key);
  }
  return path.reverse();
}

/** Whether a value is an error, of whatever realm: Jest runs tests in one of their own, where Node's errors are no instances. */
export function isError(value: unknown): value is Error {
  return isObject(value) && typeof value['name'] === 'string' && typeof value['message'] === 'string';
}
