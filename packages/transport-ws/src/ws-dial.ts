import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { onAbort, splitHostPort, type Address, type Connection, type DialOptions, type Logger, type RpcError } from '@rpcxjs/core';
import { connectFailed, errorCode, socketEnds } from '@rpcxjs/transport-tcp';
import { WebSocket, type ClientOptions } from 'ws';
import { WsConnection, type WsEnds } from './ws-connection.ts';
import type { ResolvedWebSocketOptions } from './ws-options.ts';

/** Rejects with CONNECT_FAILED, or with the signal's reason; the signal means nothing once connected. */
export async function dialWebSocket(address: Address, options: ResolvedWebSocketOptions, { signal, runtime }: DialOptions): Promise<Connection> {
  const hostPort = hostPortOf(address);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error); // whatever the caller aborted with is what the caller gets
      return;
    }
    const { handshakeTimeoutMs, closeTimeoutMs, pingMs } = options;
    let socket: WebSocket;
    try {
      socket = new WebSocket(`${address.network}://${hostPort}${options.path}`, clientOptions(address, options, runtime.logger));
    } catch (cause) {
      reject(connectFailed(cause, address));
      return;
    }
    let unlink = (): void => {};
    let below: Socket | undefined;
    const settle = (): void => {
      timer.cancel();
      unlink();
      socket.removeAllListeners();
    };
    const giveUp = (error: Error): void => {
      settle();
      // It says so once more.
      socket.on('error', () => {});
      socket.terminate();
      reject(error);
    };
    const timer = runtime.clock.setTimer(() => {
      giveUp(connectFailed(new Error(`the handshake took longer than ${handshakeTimeoutMs} ms: does the other side speak WebSocket, and does a firewall drop the packets?`), address));
    }, handshakeTimeoutMs);
    socket.on('error', (cause) => giveUp(failure(cause, address)));
    socket.on('close', () => giveUp(connectFailed(new Error('it was closed in its handshake'), address)));
    socket.on('unexpected-response', (_request: ClientRequest, response: IncomingMessage) => {
      response.resume();
      giveUp(refused(response.statusCode ?? 0, address, options.path));
    });
    socket.on('upgrade', (response) => {
      below = response.socket;
    });
    // A message that came together with the answer is delivered in a later turn.
    socket.on('open', () => {
      // A runtime with a WebSocket of its own, as Bun has, shows none.
      if (!below) return giveUp(connectFailed(new Error('this runtime shows no socket below a WebSocket: import webSocket from @rpcxjs/transport-ws/browser, which needs none'), address));
      settle();
      resolve(new WsConnection(socket, { ...endsOf(address, below), below, clock: runtime.clock, pingMs, closeTimeoutMs }));
    });
    if (signal !== undefined) unlink = onAbort(signal, (reason) => giveUp(reason as Error)); // the caller's own
  });
}

/** As a URL has it. In Go an empty host is this machine. Throws TypeError for no host and port, CONNECT_FAILED for what a URL would take for something else, such as a path. */
function hostPortOf(address: Address): string {
  const { host, port } = splitHostPort(address.host);
  if (/[\s/?#@\\%]/.test(host)) throw connectFailed(new Error(`${JSON.stringify(host)} is no host in a URL, which has no room for zones, users and paths: give the name or address alone`), address);
  const name = host === '' ? 'localhost' : host;
  const hostPort = `${name.includes(':') ? `[${name}]` : name}:${port}`;
  if (!URL.canParse(`ws://${hostPort}`)) throw connectFailed(new Error(`${JSON.stringify(host)} is neither a name nor an address: check its spelling`), address);
  return hostPort;
}

/** The address as a page of the server's own has it: names in ASCII, and no port that goes without saying. */
function originOf({ network }: Address, hostPort: string): string {
  return new URL(`${network === 'wss' ? 'https' : 'http'}://${hostPort}`).origin;
}

function endsOf(remote: Address, below: Socket): WsEnds {
  const { local, certificate } = socketEnds(remote.network, below);
  return { local, remote, certificate };
}

function clientOptions(address: Address, { tls, headers, maxMessageBytes }: ResolvedWebSocketOptions, logger: Logger): ClientOptions {
  const { host } = splitHostPort(address.host);
  const secured = address.network === 'wss' ? tls?.current(logger) : undefined;
  return {
    perMessageDeflate: false, skipUTF8Validation: true, maxPayload: maxMessageBytes, followRedirects: false, headers: { ...headers },
    // Go's server accepts no request without an origin; behind a proxy it may have to be another one.
    ...(Object.keys(headers).some((name) => name.toLowerCase() === 'origin') ? {} : {
      origin: originOf(address, hostPortOf(address)),
    }),
    ...(address.network === 'wss' ? {
      ...(secured === undefined ? {} : { secureContext: secured.context }),
      rejectUnauthorized: secured?.given.insecureSkipVerify !== true,
      ...(secured?.given.servername === undefined ? {} : { servername: secured.given.servername }),
      ...(host === '' ? { host: 'localhost' } : {}),
    } : {}),
  };
}

function refused(status: number, address: Address, path: string): RpcError {
  const why: Readonly<Record<number, string>> = {
    401: 'the server asks for credentials: give them as headers',
    403: 'the server does not let this origin in: see its origins',
    404: `the server has no WebSocket at ${path}: compare the path of both sides`,
    407: "a proxy asks who you are: give headers { 'Proxy-Authorization': … }, or go around the proxy",
    426: `the server wants another protocol at ${path}`,
    503: 'the server is busy: try again later',
  };
  const advice = why[status] ?? adviceForClass(status);
  return connectFailed(new Error(`HTTP ${status}, ${advice}`), address);
}

function adviceForClass(status: number): string {
  if (status >= 500) return 'the server, or a proxy in between, is not able to serve now: look into its log';
  return status >= 300 && status < 400 ? 'the server points elsewhere: dial that address' : 'the server speaks HTTP, and did not agree to WebSocket';
}

function failure(cause: Error, address: Address): RpcError {
  const code = errorCode(cause);
  if (code === 'EPROTO' && cause.message.includes('wrong version number')) return connectFailed(Object.assign(cause, { code: 'ERR_SSL_WRONG_VERSION_NUMBER' }), address);
  // Before the handshake of TLS was over; there is advice for that.
  if (cause.message.includes('before secure TLS')) return connectFailed(cause, address);
  const noHttp = code?.startsWith('HPE_') === true || cause.message === 'socket hang up' || /^Invalid (Sec-WebSocket|Upgrade)/.test(cause.message) || code === 'ECONNRESET';
  if (!noHttp) return connectFailed(cause, address);
  // After its handshake TLS does not say, in many versions, that a certificate was refused.
  const certificate = address.network === 'wss' ? '; a server that asks for client certificates hangs up on one that it does not know' : '';
  return connectFailed(new Error(`the other side does not speak WebSocket (${cause.message}): compare network, port and TLS of both sides${certificate}`, { cause }), address);
}
