// How the tour is told: a headline a chapter, a line a fact.
let chapters = 0;

export function chapter(title: string): void {
  chapters += 1;
  process.stdout.write(`\n${chapters}. ${title}\n`);
}

export function tell(what: string, result: unknown): void {
  const text = typeof result === 'string' ? result : JSON.stringify(result);
  process.stdout.write(`   ${what.padEnd(48)} ${text}\n`);
}

/** The error that a call is expected to end with. */
export async function failure(call: Promise<unknown>): Promise<Error & { code?: string; details?: unknown }> {
  try {
    await call;
  } catch (error) {
    return error as Error;
  }
  throw new Error('the call should have failed');
}
