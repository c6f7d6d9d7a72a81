import { afterEach } from 'vitest';

type Cleanup = () => Promise<unknown> | unknown;

const cleanups: Cleanup[] = [];

/** Runs after the test that is running, the latest first; only in files that called `closeAfterEach`. */
export function later(cleanup: Cleanup): void {
  cleanups.push(cleanup);
}

/** Called once by each test file: what its tests opened is closed after each of them. */
export function closeAfterEach(): void {
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
}
