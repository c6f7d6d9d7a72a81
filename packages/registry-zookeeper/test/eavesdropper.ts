import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import zookeeper from 'node-zookeeper-client';

const commandBytes = 4;
const sessionTimeoutMs = 3000;

/** Between a store and its ZooKeeper: it knows the session by what goes by, and can end it as its owner could, or let a question fall. */
export class Eavesdropper implements AsyncDisposable {
  readonly #port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #session: { readonly sessionId: Buffer; readonly sessionPassword: Buffer } | undefined;
  #swallows = 0;

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer((socket) => { this.#pass(socket); });
  }

  static async before(port: number): Promise<Eavesdropper> {
    const between = new Eavesdropper(port);
    await new Promise<void>((resolve) => { between.#server.listen(0, '127.0.0.1', resolve); });
    return between;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** So many next sessions that somebody asks for are not heard of. */
  swallow(sessions: number): void {
    this.#swallows = sessions;
  }

  /** Takes the session over and gives it up. */
  async endSession(): Promise<void> {
    const client = zookeeper.createClient(`127.0.0.1:${this.#port}`, { sessionTimeout: sessionTimeoutMs, ...this.#session });
    await new Promise<void>((resolve) => {
      client.once('connected', resolve);
      client.connect();
    });
    await new Promise<void>((resolve) => {
      client.once('disconnected', resolve);
      client.close();
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => { this.#server.close(() => { resolve(); }); });
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #pass(socket: Socket): void {
    const far = connect(this.#port, '127.0.0.1');
    for (const end of [socket, far]) {
      this.#sockets.add(end);
      end.once('error', () => {});
      end.once('close', () => {
        this.#sockets.delete(end);
        (end === far ? socket : far).destroy();
      });
    }
    let isSession = false;
    socket.once('data', (chunk: Buffer) => {
      isSession = chunk.length > commandBytes;
      const isSwallowed = isSession && this.#swallows > 0;
      if (isSwallowed) this.#swallows -= 1;
      else far.write(chunk);
      if (!isSwallowed) socket.pipe(far);
    });
    far.once('data', (chunk: Buffer) => {
      // ConnectResponse: length, protocol version, timeout, then these (zookeeper.jute).
      if (isSession) this.#session = { sessionId: Buffer.from(chunk.subarray(12, 20)), sessionPassword: Buffer.from(chunk.subarray(24, 40)) };
    });
    far.pipe(socket);
  }
}
