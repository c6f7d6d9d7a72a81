import { describe, expect, it } from 'vitest';
import { formatText, readText, splitText } from './service-text.ts';

function read(...strings: string[]): { readonly services: ReturnType<typeof readText>; readonly faults: string[] } {
  const faults: string[] = [];
  return { services: readText(strings.map((text) => Buffer.from(text)), { add: (fault) => void faults.push(fault) }), faults };
}
const escaped = (value: unknown): string => encodeURIComponent(JSON.stringify(value));

describe('the text of a service', () => {
  // url.QueryEscape(string(json.Marshal([]*serviceMeta{{…}}))) of Go 1.26.
  it.each([
    ['Arith', 'tcp@192.168.1.5:8972', { weight: '3' }, '%5B%7B%22service%22%3A%22Arith%22%2C%22meta%22%3A%22weight%3D3%22%2C%22service_address%22%3A%22tcp%40192.168.1.5%3A8972%22%7D%5D'],
    ['Arith', 'tcp@[::1]:8972', { weight: '3', group: ['b', 'a'] }, '%5B%7B%22service%22%3A%22Arith%22%2C%22meta%22%3A%22group%3Db%5Cu0026group%3Da%5Cu0026weight%3D3%22%2C%22service_address%22%3A%22tcp%40%5B%3A%3A1%5D%3A8972%22%7D%5D'],
    ["a<b>'(c)*!~ \u2028\n", 'tcp@h:1', { k: 'ß +' }, '%5B%7B%22service%22%3A%22a%5Cu003cb%5Cu003e%27%28c%29%2A%21~+%5Cu2028%5Cn%22%2C%22meta%22%3A%22k%3D%25C3%259F%2B%252B%22%2C%22service_address%22%3A%22tcp%40h%3A1%22%7D%5D'],
  ])('is for %s at %s the bytes that Go writes', (service, address, metadata, text) => {
    expect(formatText(service, address, metadata)).toBe(text);
    expect(read(text)).toEqual({ services: [{ service, instance: { address, metadata } }], faults: [] });
  });

  it('says that there are no metadata, as a Go client would take those of another server', () => {
    expect(decodeURIComponent(formatText('A', 'tcp@h:1', {}))).toBe('[{"service":"A","meta":"","service_address":"tcp@h:1"}]');
  });

  it('is split behind 255 bytes and joined again', () => {
    const text = formatText('Arith', 'tcp@h:1', { long: 'x'.repeat(1000) });
    const strings = splitText(text);
    expect(strings.slice(0, -1).map(({ length }) => length)).toEqual([255, 255, 255, 255]);
    expect(read(...strings.map(String)).services?.[0]?.instance.metadata['long']).toHaveLength(1000);
  });

  it('of a Go server lists several services, without the members that are empty', () => {
    const { services } = read(escaped([{ service: 'A', meta: 'weight=2', service_address: 'tcp@h:1' }, { service: 'B', service_address: 'tcp@h:1' }]));
    expect(services).toEqual([{ service: 'A', instance: { address: 'tcp@h:1', metadata: { weight: '2' } } }, { service: 'B', instance: { address: 'tcp@h:1', metadata: {} } }]);
    expect(read('null')).toEqual({ services: [], faults: [] });
    expect(read('%5B%5D')).toEqual({ services: [], faults: [] });
  });

  it.each([['a broken escape', '%zz'], ['no JSON', 'hello'], ['no list', '%7B%7D'], ['nothing', ''], ['no UTF-8', '%ff%fe'], ['too much', 'x'.repeat(70_000)]])('that is %s is a fault', (_name, text) => {
    expect(read(text)).toEqual({ services: undefined, faults: [expect.any(String)] });
  });

  it('G10: with unusable services among the usable ones loses those only', () => {
    const good = { service: 'A', service_address: 'tcp@h:1' };
    const bad = [null, 1, 'x', [], {}, { service: 'A' }, { service: 1, service_address: 'tcp@h:2' }, { service: 'A', service_address: 'tcp@' }, { service: 'A', service_address: 'tcp@h' },
      { service: 'A', service_address: 'tcp@h:3', meta: '%zz' }, { service: 'A', service_address: 'tcp@h:4', meta: 7 }];
    const { services, faults } = read(escaped([...bad, good, { ...good, service_address: 'tcp@h:5', meta: 'weight=-1&a=b' }, { ...good, service_address: 'tcp@h:6', meta: '__proto__=x&constructor=y' }]));
    expect(services?.map(({ instance }) => [instance.address, Object.entries(instance.metadata)])).toEqual([['tcp@h:1', []], ['tcp@h:5', [['a', 'b']]], ['tcp@h:6', [['__proto__', 'x'], ['constructor', 'y']]]]);
    expect(faults).toHaveLength(bad.length + 1);
  });
});
