import { memoryNetwork } from '@rpcxjs/transport-memory';
import { expect, it } from 'vitest';
import { createClient, createServer } from '../src/index.ts';

it('an address that no transport can dial is a mistake of the program, told when the client is made and not tried at every call', () => {
  expect(() => createClient({ servers: ['tcp@127.0.0.1:1', 'quic@127.0.0.1:1'] })).toThrow(
    new TypeError('"quic@127.0.0.1:1" cannot be dialled: no transport dials the network "quic" (known: tcp, tcp4, tcp6); give one to the client\'s transports'),
  );
  expect(() => createClient({ servers: 'unix@/run/a.sock', transports: [memoryNetwork()] })).toThrow(TypeError);
  createClient({ servers: ['127.0.0.1:1', 'tcp6@[::1]:1'] }).abort();
});

it.each(['tcp@127.0.0.1', 'localhost', 'tcp@127.0.0.1:99999', 'tcp@::1:8972', 'tcp://127.0.0.1:8972', 'tcp@127.0.0.1:1?weight=7', 'tcp@127.0.0.1:1,tcp@127.0.0.1:2'])(
  '%s is no address of a server: a client that was made with it would find nobody',
  (address) => {
    expect(() => createClient({ servers: address })).toThrow(/is no host and port: write 127\.0\.0\.1:8972/);
    expect(() => createClient({ servers: ['tcp@127.0.0.1:1', address] })).toThrow(TypeError);
  },
);

it.each([[undefined, 'undefined'], [null, 'null'], ['tcp@127.0.0.1:8972', '"tcp@127.0.0.1:8972"'], [8972, '8972']])('%o is no object of options, and the error has one to copy', (given, described) => {
  expect(() => createClient(given as never)).toThrow(new TypeError(`what createClient got is ${described}: it takes options, for example { servers: 'tcp@127.0.0.1:8972' }`));
  if (given !== undefined) expect(() => createServer(given as never)).toThrow(new TypeError(`what createServer got is ${described}: it takes options, or nothing; an address is for server.listen('tcp@127.0.0.1:8972')`));
});
