/** `true` if two types are identical: unlike assignability, it sees optional fields and modifiers that only one of them has. */
type Equal<A, B> =
  (<T>() => T extends A ? true : false) extends <T>() => T extends B ? true : false ? true : false;

/** What a schema says of a type: `readonly` everywhere, and the members of a union of objects merged into one object. */
type Shape<T> = unknown extends T
  ? T
  : [T] extends [readonly (infer Item)[] | undefined]
    ? readonly Shape<Item>[] | Extract<T, undefined>
    : [T] extends [object | null | undefined]
      ? ObjectShape<Merged<NonNullable<T>>> | Extract<T, null | undefined>
      : T;
type ObjectShape<T> = { readonly [K in keyof T]: Shape<T[K]> };
type Merged<T> = Pick<T, keyof T>;

/** Fields that may be undefined. Zod has them without a question mark if they are transformed. */
export type Optional<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>;

/**
 * A check for `tsc`: two types have the same fields, down to the last, with the same types and the same question marks. If they
 * have not, the call lacks an argument.
 */
export function assertSameFields<A, B>(
  ..._: Equal<Shape<A>, Shape<B>> extends true ? [] : ['a field is only in one of the types, or differs']
): void {}
