import { expect, it } from 'vitest';
import { resolveEtcdOptions, type EtcdOptions } from './etcd-options.ts';
import { etcd } from './etcd.ts';

const pem = '-----BEGIN CERTIFICATE-----\n';

it('without options it is the etcd of this machine', () => {
  expect(resolveEtcdOptions()).toEqual({ endpoints: ['http://127.0.0.1:2379'], username: undefined, password: undefined, tls: undefined });
});

it('endpoints are read as they are written everywhere', () => {
  expect(resolveEtcdOptions({ endpoints: 'etcd:2379' }).endpoints).toEqual(['http://etcd:2379']);
  expect(resolveEtcdOptions({ endpoints: ['[::1]:2379', 'http://etcd.internal:1/'] }).endpoints).toEqual(['http://[::1]:2379', 'http://etcd.internal:1']);
  expect(resolveEtcdOptions({ endpoints: 'a:1,b:2, http://c:3/' }).endpoints).toEqual(['http://a:1', 'http://b:2', 'http://c:3']);
  expect(resolveEtcdOptions({ endpoints: 'etcd:2379', tls: true })).toMatchObject({ endpoints: ['https://etcd:2379'], tls: {} });
  expect(resolveEtcdOptions({ endpoints: 'https://etcd:2379' })).toMatchObject({ endpoints: ['https://etcd:2379'], tls: {} });
  expect(resolveEtcdOptions({ tls: { ca: Buffer.from(pem), cert: pem, key: pem } }).tls).toEqual({ ca: Buffer.from(pem), cert: pem, key: pem });
});

it('a password in an endpoint is not shown by the error that refuses it', () => {
  expect(() => resolveEtcdOptions({ endpoints: 'http://ada:secret@etcd:2379' })).toThrow(/endpoint "…@etcd:2379" has no host and port.*user and password are options of their own/);
});

it.each<[unknown, RegExp]>([
  [null, /options are null: give an object/],
  [{ hosts: 'etcd:2379' }, /no option "hosts": it takes endpoints, username/],
  [{ endpoints: [] }, /endpoints is \[\]: give a list/],
  [{ endpoints: 2379 }, /endpoints is 2379: give a list/],
  [{ endpoints: [2379] }, /endpoint 2379 is no text/],
  [{ endpoints: 'etcd' }, /endpoint "etcd" has no host and port: write host:port/],
  [{ endpoints: 'etcd:0' }, /"etcd:0" has no host and port/],
  [{ endpoints: 'etcd:65536' }, /"etcd:65536" has no host and port/],
  [{ endpoints: '::1:2379' }, /has no host and port/],
  [{ endpoints: 'tcp://etcd:2379' }, /is of the protocol tcp/],
  [{ endpoints: 'http://etcd:2379', tls: true }, /is plain, and `tls` is set/],
  [{ endpoints: ['http://a:1', 'https://b:1'] }, /mix http and https/],
  [{ username: 'ada' }, /username and password go together/],
  [{ username: 'ada', password: '' }, /password is empty/],
  [{ username: 'ada', password: 4711 }, /password is of type number/],
  [{ tls: 'yes' }, /tls is yes: true, or an object with ca/],
  [{ tls: { rejectUnauthorized: false } }, /tls has no option "rejectUnauthorized"/],
  [{ tls: { ca: '/etc/ca.pem' } }, /tls.ca is no PEM text: give what the file says/],
  [{ tls: { ca: 5 } }, /tls.ca is no PEM text/],
  [{ tls: { cert: pem } }, /tls.cert and tls.key go together/],
  [{ tls: { servername: 5 } }, /tls.servername is 5/],
  [{ ttlMs: 0 }, /etcd\(\): ttlMs is 0/],
  [{ basePath: '' }, /basePath is ""/],
])('%j is refused where it is given', (options, message) => {
  expect(() => etcd(options as EtcdOptions)).toThrow(message);
  expect(() => etcd(options as EtcdOptions)).toThrow(TypeError);
});

it('never says the password', () => {
  expect(() => etcd({ username: 'ada', password: ['hunter2'] } as never)).toThrow(/^(?!.*hunter2)/s);
});
