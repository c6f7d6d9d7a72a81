/** What a thrown value says, whatever was thrown: `undefined`, a Proxy, an object whose getters throw. Never throws. */
export function thrownText(thrown: unknown): string {
  try {
    const said = typeof thrown === 'object' && thrown !== null ? (thrown as { readonly message?: unknown }).message : thrown;
    return typeof said === 'string' ? said : String(said ?? thrown);
  } catch {
    return 'a value that cannot be shown';
  }
}
