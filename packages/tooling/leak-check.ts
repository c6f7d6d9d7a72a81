// Runs before every test file: after each test nothing that the test opened may still be alive.
import { afterEach, beforeEach, expect } from 'vitest';

interface TrackedTimer { readonly timer: { _destroyed?: boolean }; readonly where: string }
interface LeakState { readonly timers: Map<object, TrackedTimer> }

// The kinds of resource a test can leak; Timeout is counted by hand, because the test runner has timers of its own.
const watched = new Set(['TCPSocketWrap', 'TCPServerWrap', 'TLSWrap', 'PipeWrap', 'PipeServerWrap', 'UDPWrap', 'UDPSendWrap', 'ProcessWrap', 'TCPConnectWrap', 'FSEventWrap', 'MessagePort']);
const key = Symbol.for('rpcxjs.leak-check');
const scope = globalThis as { [key]?: LeakState };

function callerOf(stack: string | undefined): string {
  const line = stack?.split('\n').slice(2).find((entry) => !entry.includes('leak-check'));
  return line?.trim() ?? 'unknown place';
}

/** Wraps the timer functions once for the process, because the setup file runs again for each test file. */
function track(): LeakState {
  const state: LeakState = { timers: new Map() };
  for (const name of ['setTimeout', 'setInterval'] as const) {
    const original = globalThis[name];
    const wrapped = (...args: Parameters<typeof setTimeout>): unknown => {
      const timer = original(...args) as unknown as { _destroyed?: boolean };
      const where = callerOf(new Error('timer').stack);
      if (!where.includes('node:internal') && !where.includes('/node_modules/')) state.timers.set(timer, { timer, where });
      return timer;
    };
    Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(original));
    globalThis[name] = wrapped as never;
  }
  return state;
}

const state = (scope[key] ??= track());
let before = new Map<string, number>();

function openHandles(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) if (watched.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

function leaks(): string[] {
  const found: string[] = [];
  for (const [kind, count] of openHandles()) {
    const extra = count - (before.get(kind) ?? 0);
    if (extra > 0) found.push(`${extra} ${kind}`);
  }
  for (const [id, { timer, where }] of state.timers) {
    if (timer._destroyed === false) found.push(`a timer made ${where}`);
    else state.timers.delete(id);
  }
  return found;
}

beforeEach(() => {
  state.timers.clear();
  before = openHandles();
});

afterEach(async () => {
  // A closed handle vanishes a few turns later, on a busy machine seconds later, and a connection over datagrams waits a moment for the other side to ask again.
  const deadline = performance.now() + 5000;
  let found = leaks();
  while (found.length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => { setImmediate(resolve); });
    found = leaks();
  }
  expect(found, 'the test left these open').toEqual([]);
});
