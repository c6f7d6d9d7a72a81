import { connect, createServer, type Server, type Socket } from 'node:net';

/** Whether nothing may come from this member; undefined has not said who it is. */
export type IsCut = (from: string | undefined) => boolean;

interface Passage {
  readonly near: Socket;
  readonly far: Socket;
  from: string | undefined;
  held: Buffer[];
}

/**
 * What stands before the peer port of one etcd member. Members say who they are in each request to another (etcd: rafthttp, `X-Server-From`), so that a gate can keep quiet between
 * two of them as a broken network does: connections stay open, and nothing comes.
 */
export class PeerGate {
  readonly #isCut: IsCut;
  readonly #server: Server;
  readonly #passages = new Set<Passage>();

  private constructor(peerPort: number, isCut: IsCut) {
    this.#isCut = isCut;
    this.#server = createServer((near) => this.#pass(near, connect({ host: '127.0.0.1', port: peerPort })));
  }

  static open(port: number, { peerPort, isCut }: { readonly peerPort: number; readonly isCut: IsCut }): Promise<PeerGate> {
    const gate = new PeerGate(peerPort, isCut);
    return new Promise((resolve, reject) => {
      gate.#server.once('error', reject);
      gate.#server.listen(port, '127.0.0.1', () => { resolve(gate); });
    });
  }

  /** Who may speak to whom has changed. */
  look(): void {
    for (const passage of this.#passages) this.#settle(passage);
  }

  close(): Promise<void> {
    for (const { near, far } of this.#passages) {
      near.destroy();
      far.destroy();
    }
    return new Promise((resolve) => { this.#server.close(() => { resolve(); }); });
  }

  #pass(near: Socket, far: Socket): void {
    const passage: Passage = { near, far, from: undefined, held: [] };
    this.#passages.add(passage);
    near.on('data', (chunk: Buffer) => {
      passage.from ??= /x-server-from: ([\da-f]+)/i.exec(chunk.toString('latin1'))?.[1];
      passage.held.push(chunk);
      this.#settle(passage);
    });
    far.on('data', (chunk: Buffer) => { near.write(chunk); });
    for (const [one, other] of [[near, far], [far, near]] as const) {
      one.on('error', () => {});
      one.once('close', () => {
        other.destroy();
        this.#passages.delete(passage);
      });
    }
  }

  #settle({ near, far, from, held }: Passage): void {
    if (this.#isCut(from)) {
      near.pause();
      far.pause();
      return;
    }
    for (const chunk of held.splice(0)) far.write(chunk);
    near.resume();
    far.resume();
  }
}
