/**
 * `T` as JSON has it: the published types name choices by enums, whose members are objects of a running Grafana; a file
 * holds their values.
 */
export type Plain<T> = T extends string
  ? string extends T
    ? string
    : `${T}`
  : T extends number
    ? PlainNumber<T>
    : T extends readonly (infer Element)[]
      ? Plain<Element>[]
      : T extends object
        ? { [Key in keyof T]: Plain<T[Key]> }
        : T;

/** Asked of texts, since TypeScript lets any number pass for a member of an enum. */
type PlainNumber<T extends number> = `${number}` extends `${T}`
  ? number
  : `${T}` extends `${infer Value extends number}`
    ? Value
    : never;
