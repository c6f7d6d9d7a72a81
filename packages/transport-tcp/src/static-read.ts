import type { OnReadOpts, Socket } from 'node:net';

// Large enough for everything that one wake-up of the loop finds in the kernel's receive buffer of a busy connection.
const staticBytes = 256 * 1024;

export type Deliver = (chunk: Uint8Array) => void;

let memory: Buffer | undefined;

/** One buffer for all sockets of the process: a read is delivered before the next one begins. */
function staticBuffer(): Buffer {
  return (memory ??= Buffer.allocUnsafeSlow(staticBytes));
}

/** The `onread` option of a socket that is about to be dialled. */
export function staticOnread(deliver: Deliver): OnReadOpts {
  return {
    buffer: staticBuffer(),
    callback(count, buffer) {
      deliver(buffer.subarray(0, count));
      return true;
    },
  };
}

interface StreamHandle {
  useUserBuffer?(buffer: Uint8Array): void;
}

/**
 * Makes an accepted socket read into the same static buffer. `net.createServer` has no `onread`, so this sets what that option sets: three
 * slots of the socket (Node's lib/internal/stream_base_commons.js, the same in Node 20, 22 and 24) and the handle's `useUserBuffer`.
 * Where a slot or the function is missing, 'data' events deliver instead. Returns which of the two it was.
 */
export function readAccepted(socket: Socket, deliver: Deliver): 'static' | 'events' {
  // Bytes that were read before (the end of a TLS handshake can bring some) come first.
  const early: unknown = socket.read();
  if (early instanceof Uint8Array) deliver(early);
  // In any case: should the slots lose their meaning, the bytes arrive here.
  socket.on('data', deliver);
  socket.pause();
  const slots = userBufferSlots(socket);
  const handle = (socket as Socket & { _handle?: StreamHandle | null })._handle; // Node's own name for the native side, not in its types
  if (slots === undefined || typeof handle?.useUserBuffer !== 'function') return 'events';
  const { buffer, callback } = staticOnread(deliver);
  const target = socket as unknown as Record<symbol, unknown>; // slots named by symbols that Node does not export
  target[slots.buffer] = buffer;
  target[slots.callback] = callback;
  handle.useUserBuffer(buffer as Buffer); // staticOnread gives a buffer, not a function
  // With the slots set it stops a handle that reads already, as one that has shaken hands does.
  socket.pause();
  return 'static';
}

function userBufferSlots(socket: Socket): { readonly buffer: symbol; readonly callback: symbol } | undefined {
  let buffer: symbol | undefined;
  let callback: symbol | undefined;
  let generator: symbol | undefined;
  for (const slot of Object.getOwnPropertySymbols(socket)) {
    if (slot.description === 'kBuffer') buffer = slot;
    else if (slot.description === 'kBufferCb') callback = slot;
    else if (slot.description === 'kBufferGen') generator = slot;
  }
  return buffer && callback && generator ? { buffer, callback } : undefined;
}
