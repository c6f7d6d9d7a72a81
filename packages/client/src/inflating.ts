// Each may become the largest that is allowed, of a few kilobytes. Node's pool has four threads: more would not be done earlier, but all at once.
const most = 4;

interface Held { pause(): void; resume(): void }
/** The payloads of one client that are being inflated: while they are many, whoever brought one reads no further, and so its server waits. */
export interface Inflating {
  /** Counts what is under way; gives it back. */
  begun<T>(whole: T): T;
  /** Holds up a connection that has just brought a frame, if there are too many. */
  holdUp(session: Held): void;
}

export function countInflating(): Inflating {
  let running = 0;
  const held: Held[] = [];
  const ended = (): void => {
    running -= 1;
    while (running < most && held.length > 0) held.shift()?.resume();
  };
  return {
    begun(whole) {
      if (whole instanceof Promise) {
        running += 1;
        whole.then(ended, ended);
      }
      return whole;
    },
    holdUp(session) {
      if (running < most) return;
      session.pause();
      held.push(session);
    },
  };
}
