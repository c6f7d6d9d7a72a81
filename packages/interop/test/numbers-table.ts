import { readFileSync } from 'node:fs';
import { msgpack, Timestamp } from '@rpcxjs/codec-msgpack';
import type { Client } from '@rpcxjs/client';
import { createByteWriter } from '@rpcxjs/protocol';

type Column = readonly [goType: string, service: string, field: string];

const numberColumns: readonly Column[] = [
  ['int8', 'Integers', 'I8'], ['int16', 'Integers', 'I16'], ['int32', 'Integers', 'I32'], ['int64, int', 'Integers', 'I64'], ['uint8', 'Integers', 'U8'], ['uint16', 'Integers', 'U16'],
  ['uint32', 'Integers', 'U32'], ['uint64, uint', 'Integers', 'U64'], ['float32', 'Floats', 'F32'], ['float64', 'Floats', 'F64'], ['interface{}', 'Anything', 'V'],
];
const valueColumns: readonly Column[] = [
  ['time.Time', 'Times', 'At'], ['time.Duration', 'Times', 'For'], ['[]byte', 'Binary', 'Data'], ['[4]byte', 'Binary', 'Fixed'], ['string', 'Binary', 'Text'], ['*int64', 'Nils', 'PtrInt'],
  ['[]int64', 'Nils', 'Slice'], ['map[string]int64', 'Nils', 'Map'], ['*struct', 'Nils', 'Inner'], ['interface{}', 'Anything', 'V'],
];

const numbers: readonly [string, unknown][] = [
  ['`0`', 0], ['`5`, `5.0`', 5], ['`-1`', -1], ['`-0`', -0], ['`127`', 127], ['`128`', 128], ['`300`', 300], ['`-129`', -129], ['`65536`', 65_536], ['`2 ** 31`', 2 ** 31], ['`2 ** 32`', 2 ** 32],
  ['`2 ** 53 - 1`', 2 ** 53 - 1], ['`2 ** 53`', 2 ** 53], ['`2n ** 53n + 1n`', 2n ** 53n + 1n], ['`2n ** 63n - 1n`', 2n ** 63n - 1n], ['`2n ** 63n`', 2n ** 63n], ['`2n ** 64n - 1n`', 2n ** 64n - 1n],
  ['`2n ** 64n`', 2n ** 64n], ['`1763683200123` (a `Date.now()`)', 1_763_683_200_123], ['`1.5`', 1.5], ['`0.1`', 0.1], ['`1e21`', 1e21], ['`NaN`', NaN], ['`Infinity`', Infinity], ["`'5'`", '5'], ['`true`', true],
  ['`null`', null], ['`undefined`', undefined],
];
const values: readonly [string, unknown][] = [
  ['`new Date(1763683200123)`', new Date(1_763_683_200_123)], ['`new Timestamp(1700000000, 1)`', new Timestamp(1_700_000_000, 1)], ['`1500000000`', 1_500_000_000], ['`1.5`', 1.5],
  ['`new Uint8Array([1, 2, 3, 4])`', new Uint8Array([1, 2, 3, 4])], ["`'abcd'`", 'abcd'], ["`'2023-11-14T22:13:20Z'`", '2023-11-14T22:13:20Z'], ['`[1, 2]`', [1, 2]], ['`[]`', []], ['`{ a: 1 }`', { a: 1 }],
  ["`new Map([['a', 1]])`", new Map([['a', 1]])], ['`{}`', {}], ['`true`', true], ['`null`', null], ['`undefined`', undefined],
];

/** What Go says about one untyped value in one field: what it sees, ✗ when it refuses the call, "✗ here" when nothing was sent. */
async function cell(client: Client, [, service, field]: Column, value: unknown): Promise<string> {
  try {
    const { Text } = await client.call<{ Text: string }>('Numbers', `Describe${service}`, { [field]: value });
    return `\`${fieldOf(Text, field)}\``;
  } catch (error) {
    const { remote, message } = error as { remote: boolean; message: string };
    if (!remote) return '✗ here';
    return /^(msgpack|json): /.test(message) ? '✗' : `✗ ${message}`;
  }
}

/** Finds `field=…` in Go's words: up to the next ` Name=` of the same struct. */
function fieldOf(text: string, field: string): string {
  const match = new RegExp(`(?:^| )${field}=(.*?)(?= (?:I8|I16|I32|I64|Int|U8|U16|U32|U64|Uin|F32|F64|At|For|Maybe|Data|Fixed|Text|PtrInt|PtrStr|Slice|Bytes|Map|Inner|Any)=|$)`, 'u').exec(text);
  return match?.[1] ?? text;
}

async function grid(client: Client, columns: readonly Column[], rows: readonly [string, unknown][]): Promise<string[]> {
  const lines = [`| sent | ${columns.map(([goType]) => goType).join(' | ')} |`, `| --- |${' --- |'.repeat(columns.length)}`];
  for (const [name, value] of rows) {
    const cells = await Promise.all(columns.map((column) => cell(client, column, value)));
    lines.push(`| ${name} | ${cells.join(' | ')} |`);
  }
  return lines;
}

interface Vector { readonly name: string; readonly go: string; readonly hex: string }

/** What the codec makes of Go's bytes, and what it writes for that again. */
function readings(): string[] {
  const { vectors } = JSON.parse(readFileSync(new URL('../../codec-msgpack/test/fixtures/golden-msgpack.json', import.meta.url), 'utf8')) as { vectors: Vector[] };
  const shown = ['int 5', 'int8 -128', 'int64 5', 'int64 9007199254740991', 'int64 9007199254740993', 'uint64 18446744073709551615', 'float32 0.10000000149011612', 'float32 1', 'float64 1', 'float64 -0', 'float64 NaN', 'bool true',
    'nil', 'string "服务"', 'time 2023-11-14T22:13:20Z', 'time 2023-11-14T22:13:20.000000001Z', 'duration 1000000 ns', '[3]byte', 'nil []byte', '[]int64', 'nil []string', 'empty []string', 'map[string]int64', 'map[int64]string', 'nil map',
    'nil pointer', 'struct Embedded', 'struct Point as an array'];
  const lines = ['| Go value | read as | written again as |', '| --- | --- | --- |'];
  for (const name of shown) {
    const vector = vectors.find((one) => one.name === name);
    if (vector === undefined) throw new Error(`no golden vector is called ${name}`);
    const bytes = Buffer.from(vector.hex, 'hex');
    const value = msgpack.decode(bytes, 0, bytes.length);
    lines.push(`| ${name} | \`${inWords(value)}\` | ${writtenAgain(value, vector.hex)} |`);
  }
  return lines;
}

function writtenAgain(value: unknown, hex: string): string {
  const writer = createByteWriter();
  msgpack.encode(value, writer);
  const again = Buffer.from(writer.bytes.subarray(0, writer.offset)).toString('hex');
  return again === hex ? 'the same bytes' : `\`${again.length > 40 ? `${again.slice(0, 40)}…` : again}\` (Go's were \`${hex.length > 40 ? `${hex.slice(0, 40)}…` : hex}\`)`;
}

function inWords(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (Object.is(value, -0)) return '-0';
  if (value instanceof Timestamp) return `Timestamp(${Math.floor(value.getTime() / 1000)}, ${value.nanoseconds})`;
  if (value instanceof Date) return `Date(${value.toISOString()})`;
  if (value instanceof Uint8Array) return `Uint8Array(${[...value].join(', ')})`;
  if (value instanceof Map) return `Map { ${[...value].map(([key, entry]) => `${inWords(key)} => ${inWords(entry)}`).join(', ')} }`;
  if (Array.isArray(value)) return `[${value.map(inWords).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return `{ ${Object.entries(value).map(([key, entry]) => `${key}: ${inWords(entry)}`).join(', ')} }`;
  return String(value);
}

/** The tables of docs/numbers.md, made by asking a Go server. */
export async function numberTables(byMsgpack: Client, byJson: Client): Promise<string> {
  return [
    '### Numbers into Go fields, by msgpack', '', ...(await grid(byMsgpack, numberColumns, numbers)), '',
    '### Other values into Go fields, by msgpack', '', ...(await grid(byMsgpack, valueColumns, values)), '',
    '### What Go sends by msgpack, as it is read', '', ...readings(), '',
    '### Numbers into Go fields, by JSON', '', ...(await grid(byJson, numberColumns, numbers)), '',
  ].join('\n');
}
