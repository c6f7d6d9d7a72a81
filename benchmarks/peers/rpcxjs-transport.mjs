// P15: the transport of both sides of rpcxjs, by the name that the bench gives it.
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const anyPort = '127.0.0.1:0';
const pem = (name) => readFileSync(new URL(`../../packages/transport-tcp/test/fixtures/${name}`, import.meta.url), 'utf8');
const tls = () => ({ ca: pem('ca.crt'), cert: pem('server.crt'), key: pem('server.key') });

/** What kcp-go calls its fastest mode, and windows that hold a hundred calls; the Go side has the same (go/kcp.go). */
const fast = { noDelay: true, intervalMs: 10, fastResend: 2, congestionControl: false, sendWindow: 1024, receiveWindow: 1024, ackNoDelay: true };
const aes = { cipher: 'aes-256', key: Uint8Array.from({ length: 32 }, (_, index) => index) };

// Imported on demand: a process has what its own transport needs and nothing else.
const transports = {
  async tcp() {
    const { tcp } = await import('@rpcxjs/transport-tcp');
    return { network: 'tcp', host: anyPort, transport: tcp() };
  },
  async tls() {
    const { tcp } = await import('@rpcxjs/transport-tcp');
    return { network: 'tcp', host: anyPort, transport: tcp({ tls: tls() }) };
  },
  async unix() {
    const { unix } = await import('@rpcxjs/transport-unix');
    const host = join(tmpdir(), `rpcxjs-bench-${process.pid}.sock`);
    process.once('exit', () => rmSync(host, { force: true }));
    return { network: 'unix', host, transport: unix() };
  },
  async memory() {
    const { memory } = await import('@rpcxjs/transport-memory');
    return { network: 'memory', host: 'bench', transport: memory() };
  },
  async ws() {
    const { webSocket } = await import('@rpcxjs/transport-ws');
    return { network: 'ws', host: anyPort, transport: webSocket() };
  },
  async 'http-connect'() {
    const { httpConnect } = await import('@rpcxjs/transport-http-connect');
    return { network: 'http', host: anyPort, transport: httpConnect() };
  },
  async kcp() {
    const { kcp } = await import('@rpcxjs/transport-kcp');
    return { network: 'kcp', host: anyPort, transport: kcp(fast) };
  },
  async 'kcp-aes'() {
    const { kcp } = await import('@rpcxjs/transport-kcp');
    return { network: 'kcp', host: anyPort, transport: kcp({ ...fast, ...aes }) };
  },
  async 'kcp-default'() {
    const { kcp } = await import('@rpcxjs/transport-kcp');
    return { network: 'kcp', host: anyPort, transport: kcp() };
  },
  async quic() {
    const { quic } = await import('@rpcxjs/transport-quic');
    return { network: 'quic', host: anyPort, transport: quic({ tls: tls() }) };
  },
};

/** The transport, its network, and where a server listens. */
export function transportOf(name) {
  return transports[name]();
}
