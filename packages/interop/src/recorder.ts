import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { readFrames, type WireFrame } from './wire-frame.ts';

/** A TCP proxy that keeps all that goes through it. */
export interface Recorder extends AsyncDisposable {
  /** Where to connect instead of the target, in rpcx form. */
  readonly address: string;
  /** The frames that clients sent to the target so far, connection after connection. */
  sent(): readonly WireFrame[];
  /** The frames that the target sent. */
  received(): readonly WireFrame[];
  /** Connections that came so far. */
  connections(): number;
}

/** Starts a recorder before a target in rpcx form, `tcp@127.0.0.1:8972`. */
export async function startRecorder(target: string): Promise<Recorder> {
  const port = Number(target.slice(target.lastIndexOf(':') + 1));
  const up: Buffer[][] = [];
  const down: Buffer[][] = [];
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    pipe(near, far, up, open);
    pipe(far, near, down, open);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const frames = (all: readonly Buffer[][]): WireFrame[] => all.flatMap((chunks) => readFrames(Buffer.concat(chunks)).frames);
  return {
    address: `tcp@127.0.0.1:${(server.address() as AddressInfo).port}`, // a TCP server has no other kind of address
    sent: () => frames(up),
    received: () => frames(down),
    connections: () => up.length,
    [Symbol.asyncDispose]: () => new Promise((resolve) => {
      for (const socket of open) socket.destroy();
      server.close(() => { resolve(); });
    }),
  };
}

function pipe(from: Socket, to: Socket, record: Buffer[][], open: Set<Socket>): void {
  const chunks: Buffer[] = [];
  record.push(chunks);
  open.add(from);
  from.setNoDelay(true);
  from.on('data', (chunk) => {
    chunks.push(chunk);
    to.write(chunk);
  });
  from.on('error', () => { to.destroy(); });
  from.on('close', () => {
    open.delete(from);
    to.destroy();
  });
}
