const least = 1024;
// A system call costs less a byte the more it takes; up to here an arena also holds the frame that goes beyond it.
const most = 40 * 1024;
// One turn's batch leaves in about this many writes, so that the other process begins while this one goes on: with two, both are always busy.
const writesPerBatch = 2;

/**
 * How many bytes may gather before they are written without waiting for the end of the turn. One write a turn is cheapest for the writer,
 * but leaves the reader idle meanwhile; the size of a turn's batch is about frames in flight times bytes of a frame.
 */
export function flushThreshold(framesInFlight: number, bytesPerFrame: number): number {
  const share = (framesInFlight * bytesPerFrame) / writesPerBatch;
  return share < least ? least : share > most ? most : share;
}
