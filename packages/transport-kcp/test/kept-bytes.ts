import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, vi } from 'vitest';

setFlagsFromString('--expose-gc');
// The flag above makes it.
const collect = runInNewContext('gc') as () => void;

/** What is left after a collection. */
export function keptBytes(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Buffers are given back beside the running code, so that a busy machine takes a while. */
export async function keepsLessThan(bytes: number, before: number): Promise<void> {
  await vi.waitFor(() => expect(keptBytes() - before).toBeLessThan(bytes), { timeout: 10_000, interval: 50 });
}
