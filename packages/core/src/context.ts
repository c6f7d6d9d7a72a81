/** rpcx metadata: single-valued, case-sensitive, any UTF-8; the object has no prototype. */
export type Metadata = Readonly<Record<string, string>>;
export type MutableMetadata = Record<string, string>;

/** An object without a prototype, so that `__proto__` is a key like any other. */
export function createMetadata(entries?: Metadata): MutableMetadata {
  const metadata: MutableMetadata = Object.create(null) as MutableMetadata; // Object.create is typed any
  if (entries !== undefined) for (const key of Object.keys(entries)) metadata[key] = entries[key] as string;
  return metadata;
}

/** A typed slot for values that stay in this process. The default makes `get` total. */
export interface ContextKey<T> {
  readonly description: string;
  readonly defaultValue: T;
}
export function contextKey<T>(description: string, defaultValue: T): ContextKey<T> {
  return { description, defaultValue };
}

export interface ContextValues {
  get<T>(key: ContextKey<T>): T;
  set<T>(key: ContextKey<T>, value: T): this;
}

export function createContextValues(): ContextValues {
  const values = new Map<ContextKey<unknown>, unknown>();
  return {
    get: <T>(key: ContextKey<T>) => (values.has(key) ? (values.get(key) as T) : key.defaultValue), // set() stored a T
    set(key, value) {
      values.set(key, value);
      return this;
    },
  };
}
