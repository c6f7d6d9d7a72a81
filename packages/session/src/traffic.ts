/** Plain counters of one connection; whoever wants rates samples them. */
export interface Traffic {
  bytesRead: number;
  bytesWritten: number;
  framesRead: number;
  framesWritten: number;
  /** Chunks handed to and taken from the transport: frames per chunk is how well batching works. */
  chunksRead: number;
  chunksWritten: number;
}

export function createTraffic(): Traffic {
  return { bytesRead: 0, bytesWritten: 0, framesRead: 0, framesWritten: 0, chunksRead: 0, chunksWritten: 0 };
}

/** Adds one connection's counters to a sum. */
export function addTraffic(sum: Traffic, one: Traffic): void {
  sum.bytesRead += one.bytesRead;
  sum.bytesWritten += one.bytesWritten;
  sum.framesRead += one.framesRead;
  sum.framesWritten += one.framesWritten;
  sum.chunksRead += one.chunksRead;
  sum.chunksWritten += one.chunksWritten;
}
