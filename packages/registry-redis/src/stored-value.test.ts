import { expect, it } from 'vitest';
import { readStored, versionOf, writeStored } from './stored-value.ts';

it('a value has the bytes that encoding/json of Go writes', () => {
  // Printed by json.Marshal(&store.KVPair{…}) of Go 1.26.
  expect(writeStored('/rpcx_test/Arith/tcp@127.0.0.1:8972', 'weight=3&group=a b', 42)).toBe('{"Key":"/rpcx_test/Arith/tcp@127.0.0.1:8972","Value":"d2VpZ2h0PTMmZ3JvdXA9YSBi","LastIndex":42}');
  expect(writeStored('/a<b>&c"\\\'\u2028\u2029\u007f\b\f\n\r\t\u0001é😀/x', '', 999_999_999)).toBe(String.raw`{"Key":"/a\u003cb\u003e\u0026c\"\\'\u2028\u2029` + '\u007f' + String.raw`\b\f\n\r\t\u0001é😀/x","Value":"","LastIndex":999999999}`);
  expect(writeStored('/b/\ud800', '<é', 7)).toBe('{"Key":"/b/\ufffd","Value":"PMOp","LastIndex":7}');
});

it('what was written is read, and what Go writes for no bytes is the empty text', () => {
  for (const value of ['', 'a=1&b=é', 'x'.repeat(1 << 20)]) expect(readStored(writeStored('/k', value, 1))).toBe(value);
  expect(readStored('{"Key":"/n","Value":null,"LastIndex":0}')).toBe('');
  expect(readStored('{"LastIndex":1,"Value":"YQ==","Key":"/k","__proto__":{"Value":"x"}}')).toBe('a');
});

it.each(['', 'weight=3', 'null', '1', '"YQ=="', '[]', '{}', '{"Key":"/k"}', '{"Value":1}', '{"Value":["YQ=="]}', '{"Value":"Y"}', '{"Value":"Y=Q="}', '{"Value":"%%%%"}', '{"Value":"YQ=="', '{"__proto__":{"Value":"YQ=="}}', '\ufffd\ufffd'])(
  'G10: %j is no value of rpcx', (stored) => {
    expect(readStored(stored)).toBeUndefined();
  });

it('a version tells every two writes apart', () => {
  expect(versionOf(Buffer.from(writeStored('/k', 'a', 1)))).not.toBe(versionOf(Buffer.from(writeStored('/k', 'a', 2))));
});
