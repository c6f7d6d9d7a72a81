import multicastDns from 'multicast-dns';

/** A record of any kind, as it comes and as it goes. */
export interface DnsRecord {
  readonly name: string;
  readonly type: string;
  /** Seconds; 0 says goodbye. */
  readonly ttl?: number | undefined;
  /** The only record of its name and type: it replaces what a reader knew before. */
  readonly flush?: boolean | undefined;
  readonly data?: unknown;
}
/** One datagram. */
export interface DnsMessage {
  readonly type: 'query' | 'response';
  readonly questions?: readonly { readonly name: string; readonly type: string }[] | undefined;
  readonly answers?: readonly DnsRecord[] | undefined;
  readonly additionals?: readonly DnsRecord[] | undefined;
}

export interface MulticastLinkInit {
  /** IPv4, of the interface. */
  readonly address: string;
  readonly port: number;
  /** `from` is the address of the sender. */
  readonly heard: (message: DnsMessage, from: string) => void;
  /** Called when the link will not work any more. */
  readonly broken: (link: MulticastLink, error: Error) => void;
}

type Socket = ReturnType<typeof multicastDns>;

/**
 * A socket on one interface. Bound to every address and joined to the group on its own: bound to the interface it would hear nothing, as multicast is not addressed to it.
 * One for each interface, as the library sends through one only, whatever it has joined. States: open → closed.
 */
export class MulticastLink {
  readonly address: string;
  readonly #socket: Socket;
  readonly #pending = new Set<() => void>();
  #closing: Promise<void> | undefined;

  private constructor(address: string, socket: Socket) {
    this.address = address;
    this.#socket = socket;
  }

  static open({ address, port, heard, broken }: MulticastLinkInit): Promise<MulticastLink> {
    return new Promise((resolve, reject) => {
      let ready = false;
      let trouble: Error | undefined;
      const socket = multicastDns({ interface: address, bind: '0.0.0.0', port, loopback: true, reuseAddr: true });
      const link = new MulticastLink(address, socket);
      const failed = (error: Error): void => {
        if (ready) {
          broken(link, error);
          return;
        }
        trouble ??= error;
        void link.close();
        reject(trouble);
      };
      // The library reports errors of the socket, a group that cannot be joined and unreadable messages in the same way.
      socket.on('warning', (error) => {
        if ((error as NodeJS.ErrnoException).syscall === undefined) return;
        if (ready) broken(link, error);
        else trouble ??= error; // "ready" comes behind it
      });
      socket.on('error', failed);
      socket.on('ready', () => {
        if (trouble !== undefined) {
          failed(trouble);
          return;
        }
        ready = true;
        resolve(link);
      });
      const hear = (message: unknown, { address: from }: { readonly address: string }): void => heard(message as DnsMessage, from); // as the library decodes it
      socket.on('query', hear);
      socket.on('response', hear);
    });
  }

  /** Rejects when the operating system does not take it. */
  send(message: DnsMessage): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new Error('the socket was closed'));
    return new Promise((resolve, reject) => {
      const settle = (error?: Error | null): void => {
        this.#pending.delete(settle);
        if (error === undefined || error === null) resolve();
        else reject(error);
      };
      this.#pending.add(settle);
      try {
        // Our record type is looser than theirs, one type for each kind; a response has answers.
        if (message.type === 'query') this.#socket.query({ ...message } as never, settle);
        else this.#socket.respond({ ...message } as never, settle);
      } catch (error) {
        settle(error as Error); // of the library, which throws errors
      }
    });
  }

  close(): Promise<void> {
    this.#closing ??= new Promise<void>((resolve) => {
      try {
        this.#socket.destroy(() => resolve());
      } catch {
        resolve(); // a socket that could not be bound is not running
      }
      // The library does not call back after its socket is gone.
      for (const settle of this.#pending) settle();
    });
    return this.#closing;
  }
}
