import { MessageChannel, MessagePort, threadId } from 'node:worker_threads';
import { formatAddress, RpcError, type Address, type Connection, type DialOptions, type Listener, type ListenOptions, type Transport } from '@rpcxjs/core';
import { PortConnection } from './port-connection.ts';

declare module '@rpcxjs/core' {
  interface Reasons {
    LISTEN_FAILED: true;
  }
}

/** Asks for a connection, of which `port` is one end. The first message through that says what came of it. */
interface Knock {
  readonly name: string;
  readonly from: string;
  readonly port: MessagePort;
}
type Answer = 'taken' | 'refused';

const network = 'worker';
const connectTimeoutMs = 3000;
const ended = 'the other thread has ended; start another one, with a port of its own';
const inUse = new WeakSet<MessagePort>();

/**
 * Addresses `worker@name` in another thread: `port` is one end of a `MessageChannel` and the other thread has the other one. Either side may listen and dial.
 * It keeps the process running while it is listened on or connected. Throws TypeError for what is no port, and for a port that another transport has.
 */
export function threads(port: MessagePort): Transport {
  if (!(port instanceof MessagePort)) throw new TypeError(`threads(${String(port)}): give it one end of a new MessageChannel(), and give the other end to the other thread by workerData and transferList`);
  if (inUse.has(port)) throw new TypeError('threads(port): there is a transport for this port; use that one for all servers and clients of this thread');
  inUse.add(port);
  const listeners = new Map<string, ListenOptions>();
  let open = true;
  port.on('message', ({ name, from, port: theirs }: Knock) => {
    const listener = listeners.get(name);
    const answer: Answer = listener === undefined ? 'refused' : 'taken';
    theirs.postMessage(answer, []);
    if (listener === undefined) theirs.close();
    else listener.accept(new PortConnection({ port: theirs, clock: listener.runtime.clock, local: { network, host: name }, remote: { network, host: from } }));
  });
  port.on('close', () => {
    open = false;
  });
  port.unref();
  return {
    networks: [network],
    async listen(address: Address, options: ListenOptions): Promise<Listener> {
      options.signal?.throwIfAborted();
      const { host } = address;
      if (listeners.has(host)) throw failed(`could not listen on ${formatAddress(address)}: somebody listens there already; choose another name`, 'LISTEN_FAILED', address);
      listeners.set(host, options);
      port.ref();
      const close = async (): Promise<void> => {
        if (listeners.get(host) === options) listeners.delete(host);
        if (listeners.size === 0) port.unref();
      };
      return { address: { network, host }, close, [Symbol.asyncDispose]: close };
    },
    async dial(address: Address, options: DialOptions): Promise<Connection> {
      options.signal?.throwIfAborted();
      if (!open) throw failed(`could not connect to ${formatAddress(address)}: ${ended}`, 'CONNECT_FAILED', address);
      return knock(port, address, options);
    },
  };
}

function knock(port: MessagePort, address: Address, { signal, runtime: { clock } }: DialOptions): Promise<Connection> {
  const { port1: mine, port2: theirs } = new MessageChannel();
  const from = `thread-${threadId}`;
  return new Promise<Connection>((resolve, reject) => {
    const settled = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', aborted);
      mine.off('close', gone);
    };
    const fail = (reason: unknown): void => {
      settled();
      mine.off('message', answered);
      // The other side learns of it, even if it has not looked at the knock yet.
      mine.close();
      reject(reason);
    };
    const refuse = (why: string): void => fail(failed(`could not connect to ${formatAddress(address)}: ${why}`, 'CONNECT_FAILED', address));
    const aborted = (): void => fail(signal?.reason);
    const gone = (): void => refuse(ended);
    const answered = (answer: Answer): void => {
      if (answer === 'refused') return refuse('nobody listens there; has its server called listen() with this name?');
      settled();
      resolve(new PortConnection({ port: mine, clock, local: { network, host: from }, remote: address }));
    };
    const timer = clock.setTimer(() => refuse(`no answer within ${connectTimeoutMs} ms; is there a threads(port) with the other end, and does its thread get round to it?`), connectTimeoutMs);
    signal?.addEventListener('abort', aborted);
    mine.once('message', answered).on('close', gone);
    const message: Knock = { name: address.host, from, port: theirs };
    port.postMessage(message, [theirs]);
  });
}

function failed(message: string, reason: 'CONNECT_FAILED' | 'LISTEN_FAILED', address: Address): RpcError {
  return new RpcError('unavailable', message, { reason, sent: false, address: formatAddress(address) });
}
