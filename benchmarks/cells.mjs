// The targets: which runs stand side by side, and what is read from them. One group is measured in one set of interleaved rounds.
import { fileURLToPath } from 'node:url';
import { idleConnections } from './idle-connections.mjs';
import { firstReply, importTime } from './startup.mjs';
import { heapGrowth } from './heap-growth.mjs';

const message = (peer, codec, more) => ({ peer, codec, payload: 'message', inFlight: 100, ...more });
const bytes = (peer, payload, inFlight, more) => ({ peer, codec: 'raw', payload, inFlight, ...more });

const higher = { better: 'higher' };
const lower = { better: 'lower' };
const times = (peer) => ({ ...higher, unit: `x of ${peer}` });
const share = (peer) => ({ ...higher, unit: `% of ${peer}` });

const grpcName = '@grpc/grpc-js';
const ceilingName = 'the node:net ceiling';
const rate = (round, name) => round[name].callsPerSecond;
const over = (ours, theirs) => (round) => rate(round, ours) / rate(round, theirs);
const percent = (ours, theirs) => (round) => (100 * rate(round, ours)) / rate(round, theirs);
const p99 = (ours, theirs) => (round) => round[ours].p99 / round[theirs].p99;

/** Payloads of 16 bytes are written best by an early flush: the ceiling is whichever threshold did best in that round. */
const smallCeilings = [1024, 2048, 4096, 16384];
const bestOf = (prefix) => (round) =>
  Math.max(...Object.keys(round).filter((name) => name.startsWith(prefix)).map((name) => rate(round, name)));

/** Against grpc-js and the ceiling pinned, against Go free (see README.md, How it is measured). */
function largePayload(id, payload, label, { grpcTarget }) {
  const what = `raw payload of ${label}, 16 in flight`;
  const ours = bytes('rpcxjs', payload, 16);
  return [
    {
      runs: { ours, grpc: bytes('grpc', payload, 16), ceiling: bytes('ceiling', payload, 16) },
      outcomes: [
        { id, what, ...times(grpcName), target: grpcTarget, value: over('ours', 'grpc') },
        { id: `${id}-ceiling`, what, ...share(ceilingName), moonshot: 90, value: percent('ours', 'ceiling') },
      ],
    },
    { free: true, runs: { ours, go: bytes('goNetrpc', payload, 16) }, outcomes: [{ id: `${id}-go`, what, ...times('Go net/rpc'), target: 1.5, value: over('ours', 'go'), go: true }] },
  ];
}

/** The same calls by a client with discovery, selector, fail mode, health and figures of each server, and by one without. */
function governed(id, listeners, label, targets) {
  return {
    rounds: 9, seconds: 0.5,
    runs: { governed: message('rpcxjs', 'msgpack', { listeners, client: 'governed' }), bare: message('rpcxjs', 'msgpack', { listeners, client: 'bare' }) },
    outcomes: [
      { id, what: `msgpack, 100 in flight, governed client of ${label}`, ...share('the bare client'), ...targets, value: percent('governed', 'bare') },
    ],
  };
}

/** Raw calls, a hundred in flight, over a transport. */
const over581 = (transport, more) => bytes('rpcxjs', 'message', 100, { transport, ...more });

/** P15: calls/s over a transport as a share of those over tcp in the same rounds. */
function shareOfTcp(transport, what, targets = {}) {
  return { id: `P15-${transport}`, what: `raw payload over ${what}, 100 in flight`, ...share('tcp'), ...targets, value: percent(transport, 'tcp') };
}

/** P15: the same beside a pair of Go programs over the same transport. */
function timesGo(id, what, { ours, theirs, go }, targets = {}) {
  return { id, what: `raw payload over ${what}, 100 in flight`, ...times('the Go pair'), ...targets, value: over(ours, theirs), go };
}

const fixture = (name) => fileURLToPath(new URL(`../packages/transport-tcp/test/fixtures/${name}`, import.meta.url));
const goKcp = (...goFlags) => bytes('goKcp', 'message', 100, { goFlags });

const transportGroups = [
  {
    rounds: 9, seconds: 0.5,
    runs: { tcp: over581('tcp'), unix: over581('unix'), memory: over581('memory') },
    outcomes: [shareOfTcp('unix', 'unix', { target: 95 }), shareOfTcp('memory', 'memory, which is one process on one core')],
  },
  {
    rounds: 5,
    runs: { tcp: over581('tcp'), tls: over581('tls'), ws: over581('ws'), 'http-connect': over581('http-connect') },
    outcomes: [shareOfTcp('tls', 'tcp with TLS', { target: 70 }), shareOfTcp('ws', 'WebSocket', { target: 50 }), shareOfTcp('http-connect', 'HTTP CONNECT')],
  },
  {
    free: true,
    runs: {
      tcp: over581('tcp'), kcp: over581('kcp'), 'kcp-aes': over581('kcp-aes'), 'kcp-default': over581('kcp-default'),
      go: goKcp('--fast'), 'go-aes': goKcp('--fast', '--cipher', 'aes-256'), 'go-default': goKcp(),
    },
    outcomes: [
      shareOfTcp('kcp', 'KCP in its fastest mode'), timesGo('P15-kcp-go', 'KCP in its fastest mode', { ours: 'kcp', theirs: 'go', go: 'kcp' }, { target: 1 }),
      timesGo('P15-kcp-aes-go', 'KCP in its fastest mode with aes-256', { ours: 'kcp-aes', theirs: 'go-aes', go: 'kcp' }),
      timesGo('P15-kcp-default-go', 'KCP with the settings of kcp-go', { ours: 'kcp-default', theirs: 'go-default', go: 'kcp' }),
    ],
  },
  {
    free: true,
    runs: { tcp: over581('tcp'), quic: over581('quic'), go: bytes('goQuic', 'message', 100, { goFlags: ['--cert', fixture('server.crt'), '--key', fixture('server.key')] }) },
    outcomes: [shareOfTcp('quic', 'QUIC'), timesGo('P15-quic-go', 'QUIC', { ours: 'quic', theirs: 'go', go: 'quic' }, { target: 1 })],
  },
];

export const groups = [
  {
    runs: { protobuf: message('rpcxjs', 'protobuf'), struct: message('rpcxjs', 'msgpack-struct'), grpc: message('grpc', 'protobuf') },
    outcomes: [
      { id: 'P1', what: 'protobuf, compiled codec, 100 in flight', ...times(grpcName), target: 34, moonshot: 55, value: over('protobuf', 'grpc') },
      { id: 'P3', what: 'msgpack with wire types, 100 in flight', ...times(grpcName), target: 32, moonshot: 50, value: over('struct', 'grpc') },
    ],
  },
  {
    free: true,
    runs: { ours: message('rpcxjs', 'msgpack'), go: message('goRpcx', 'msgpack') },
    outcomes: [
      { id: 'P2a', what: 'msgpack, plain objects, 100 in flight', ...times('Go rpcx msgpack'), target: 5, moonshot: 8, value: over('ours', 'go'), go: true },
    ],
  },
  {
    runs: {
      ours: message('rpcxjs', 'msgpack'), plain: message('rpcxjs', 'msgpack', { noCodeGeneration: true }), grpc: message('grpc', 'protobuf'),
    },
    outcomes: [
      { id: 'P2b', what: 'msgpack, plain objects, 100 in flight', ...times(grpcName), target: 28, moonshot: 45, value: over('ours', 'grpc') },
      { id: 'P2c', what: 'msgpack without code generation, 100 in flight', ...times(grpcName), target: 20, value: over('plain', 'grpc') },
    ],
  },
  {
    runs: {
      ours: bytes('rpcxjs', 'message', 100), ceiling: bytes('ceiling', 'message', 100, { flush: 65536 }),
      early: bytes('ceiling', 'message', 100, { flush: 16384 }),
    },
    outcomes: [
      { id: 'P4a', what: 'raw payload, 100 in flight', ...share(ceilingName), target: 45, moonshot: 65, value: percent('ours', 'ceiling') },
      { id: 'P4c', what: 'raw payload, 100 in flight', ...share('that ceiling when it also writes at 16 kB'), value: percent('ours', 'early') },
    ],
  },
  {
    free: true,
    runs: { ours: bytes('rpcxjs', 'message', 100), go: bytes('goRpcx', 'message', 100) },
    outcomes: [{ id: 'P4b', what: 'raw payload, 100 in flight', ...times('Go rpcx raw'), target: 5, value: over('ours', 'go'), go: true }],
  },
  {
    runs: {
      ours: bytes('rpcxjs', 16, 100),
      ...Object.fromEntries(smallCeilings.flatMap((flush) => ['ceiling', 'bare'].map((peer) => [`${peer}-${flush}`, bytes(peer, 16, 100, { flush })]))),
    },
    outcomes: [
      {
        id: 'P5', what: '16-byte raw payload, 100 in flight', ...share(`${ceilingName}, best of ${smallCeilings.length} flush thresholds`),
        target: 50, moonshot: 80, value: (round) => (100 * rate(round, 'ours')) / bestOf('ceiling-')(round),
      },
      {
        id: 'P5-bare', what: 'the same by a client and a server that do nothing but a promise, a deadline and a frame for each call',
        ...share('the same ceiling'), value: (round) => (100 * bestOf('bare-')(round)) / bestOf('ceiling-')(round),
      },
    ],
  },
  {
    runs: { ours: bytes('rpcxjs', 'message', 1), ceiling: bytes('ceiling', 'message', 1), grpc: message('grpc', 'protobuf', { inFlight: 1 }) },
    outcomes: [
      { id: 'P6a', what: 'raw payload, one in flight', ...share(ceilingName), target: 80, moonshot: 90, value: percent('ours', 'ceiling') },
      { id: 'P6b', what: 'p99 of a raw call, one in flight', ...lower, unit: `x of ${grpcName}`, target: 0.2, value: p99('ours', 'grpc') },
    ],
  },
  {
    runs: {
      ours: message('rpcxjs', 'msgpack', { inFlight: 1000 }), grpc: message('grpc', 'protobuf', { inFlight: 1000 }),
    },
    outcomes: [
      { id: 'P7a', what: 'p99 of msgpack calls, 1000 in flight', ...lower, unit: `x of ${grpcName}`, target: 1 / 8, moonshot: 1 / 15, value: p99('ours', 'grpc') },
    ],
  },
  {
    free: true,
    runs: { ours: message('rpcxjs', 'msgpack', { inFlight: 1000 }), go: message('goRpcx', 'msgpack', { inFlight: 1000 }) },
    outcomes: [
      { id: 'P7b', what: 'p99 of msgpack calls, 1000 in flight', ...lower, unit: 'x of Go rpcx msgpack', target: 1 / 3, value: p99('ours', 'go'), go: true },
    ],
  },
  ...largePayload('P8a', 65_536, '64 KiB', { grpcTarget: 12 }),
  ...largePayload('P8b', 1_048_576, '1 MiB', { grpcTarget: 6 }),
  {
    free: true,
    runs: { toGo: message('tsToGo', 'msgpack'), toTs: message('goToTs', 'msgpack'), go: message('goRpcx', 'msgpack') },
    outcomes: [
      { id: 'P9a', what: 'TypeScript client, Go server, msgpack, 100 in flight', ...times('the Go pair'), target: 1, moonshot: 1.5, value: over('toGo', 'go'), go: true },
      { id: 'P9b', what: 'Go client, TypeScript server, msgpack, 100 in flight', ...times('the Go pair'), target: 1, moonshot: 1.5, value: over('toTs', 'go'), go: true },
    ],
  },
  governed('P10a', 1, 'one server', { target: 90, moonshot: 95 }),
  governed('P10b', 3, 'three servers, which the bare one takes in turn'),
  {
    measure: idleConnections,
    outcomes: [
      { id: 'P11a', what: '10 000 idle connections on one server', ...lower, unit: 'MB above start', target: 120, moonshot: 60, value: ({ megabytes }) => megabytes },
      { id: 'P11b', what: '10 000 idle connections on one server', ...lower, unit: 'timers per connection', target: 0, value: ({ timers }) => timers },
    ],
  },
  {
    rounds: 9, seconds: 0.5,
    runs: { many: bytes('rpcxjs', 'message', 5000), few: bytes('rpcxjs', 'message', 100) },
    outcomes: [
      { id: 'P12a', what: 'raw calls/s at 5000 in flight', ...share('calls/s at 100'), target: 75, value: percent('many', 'few') },
    ],
  },
  {
    rounds: 9, seconds: 0.5,
    runs: { many: bytes('rpcxjs', 'message', 100, { services: 1000 }), one: bytes('rpcxjs', 'message', 100) },
    outcomes: [
      { id: 'P12b', what: 'raw calls/s with 1000 services × 10 methods registered', ...share('calls/s with one'), target: 95, value: percent('many', 'one') },
    ],
  },
  {
    measure: firstReply,
    outcomes: [
      { id: 'P13a', what: 'process start to first reply: client, tcp, msgpack', ...lower, unit: 'x of a bare node:net script', target: 1.5, value: ({ ratio }) => ratio },
    ],
  },
  {
    measure: importTime,
    outcomes: [{ id: 'P13b', what: 'importing the client, tcp and msgpack', ...lower, unit: 'ms', target: 40, value: ({ milliseconds }) => milliseconds }],
  },
  ...transportGroups,
  {
    long: true,
    measure: heapGrowth,
    outcomes: [
      { id: 'P14a', what: 'heap of the client, 10^6 to 10^7 calls', ...lower, unit: 'MB grown', target: 5, value: ({ client }) => client },
      { id: 'P14b', what: 'heap of the server, 10^6 to 10^7 calls', ...lower, unit: 'MB grown', target: 5, value: ({ server }) => server },
    ],
  },
];

/** The table of everybody: each candidate with the message, at each number of calls in flight. */
export const everybody = [
  { name: 'node:net ceiling', run: message('ceiling', 'raw', { flush: 65536 }) },
  { name: 'rpcxjs, raw', run: message('rpcxjs', 'raw') },
  { name: 'rpcxjs, protobuf', run: message('rpcxjs', 'protobuf') },
  { name: 'rpcxjs, msgpack', run: message('rpcxjs', 'msgpack') },
  { name: 'rpcxjs, msgpack with wire types', run: message('rpcxjs', 'msgpack-struct') },
  { name: 'rpcxjs, JSON', run: message('rpcxjs', 'json') },
  { name: 'Go rpcx, raw', run: message('goRpcx', 'raw') },
  { name: 'Go rpcx, msgpack', run: message('goRpcx', 'msgpack') },
  { name: 'Go rpcx, JSON', run: message('goRpcx', 'json') },
  { name: 'rpcxjs client, Go rpcx server, msgpack', run: message('tsToGo', 'msgpack') },
  { name: 'Go rpcx client, rpcxjs server, msgpack', run: message('goToTs', 'msgpack') },
  { name: 'Go net/rpc, gob', run: message('goNetrpc', 'gob') },
  { name: 'moleculer TCP, JSON', run: message('moleculer', 'json') },
  { name: 'tRPC over ws, JSON', run: message('trpc', 'json') },
  { name: '@grpc/grpc-js, protobuf', run: message('grpc', 'protobuf') },
];
export const inFlights = [1, 16, 100, 1000, 5000];

/** The table of sizes: raw bytes. */
export const sizes = [
  { payload: 16, inFlight: 100, label: '16 B, 100 in flight' },
  { payload: 65_536, inFlight: 16, label: '64 KiB, 16 in flight' },
  { payload: 1_048_576, inFlight: 16, label: '1 MiB, 16 in flight' },
];
export const sizePeers = [
  { name: 'node:net ceiling', peer: 'ceiling' },
  { name: 'rpcxjs', peer: 'rpcxjs' },
  { name: 'Go rpcx', peer: 'goRpcx' },
  { name: 'Go net/rpc', peer: 'goNetrpc' },
  { name: '@grpc/grpc-js', peer: 'grpc' },
];
