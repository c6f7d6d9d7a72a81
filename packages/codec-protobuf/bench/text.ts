// Where decoding and encoding text by hand stops to pay off against Node's own calls: the thresholds of src/read-text.ts and src/write-text.ts.
// Run: node_modules/.bin/tsx packages/codec-protobuf/bench/text.ts
import { createByteWriter } from '@rpcxjs/protocol';
import { Cursor } from '../src/cursor.ts';
import { readText } from '../src/read-text.ts';
import { writeText } from '../src/write-text.ts';

interface NodeBytes extends Buffer {
  utf8Slice(start: number, end: number): string;
}

function nanoseconds(run: (index: number) => number): number {
  const rounds: number[] = [];
  let sink = 0;
  for (let round = 0; round < 30; round++) {
    const start = process.cpuUsage();
    for (let call = 0; call < 20_000; call++) sink += run(call & 15);
    const { user, system } = process.cpuUsage(start);
    rounds.push(((user + system) * 1000) / 20_000);
  }
  if (sink === 0) throw new Error('nothing was read or written');
  return rounds.slice(10).toSorted((a, b) => a - b)[5] ?? Number.NaN;
}

const label = { label: 'text' };
const lines = ['| text | bytes | read here | utf8Slice | written here | utf8Write |', '|---|---|---|---|---|---|'];
for (const [name, characters] of [['ASCII', 'abcdefghijklmnopqrstuvwxyz'], ['Chinese', '许多往事在眼前一幕一幕变的那麼模糊'], ['mixed', 'naïve café 许多 ']] as const) {
  for (const length of [4, 8, 16, 20, 24, 32, 42, 48, 64, 256, 1024]) {
    const texts = Array.from({ length: 16 }, (_, index) => characters.repeat(1 + length / 8).slice(index % 8, (index % 8) + length));
    const parts = texts.map((text) => Buffer.from(text));
    const all = Buffer.concat([...parts, Buffer.alloc(8)]) as NodeBytes;
    const starts = parts.map((_, index) => parts.slice(0, index).reduce((sum, part) => sum + part.length, 0));
    const cursor = new Cursor(all, 0, all.length, 'text');
    const writer = createByteWriter();
    writer.reserve(8192);
    const bytes = Buffer.from(writer.bytes.buffer, writer.bytes.byteOffset, writer.bytes.length);
    const [from, to] = [(index: number): number => starts[index], (index: number): number => starts[index] + (parts[index] as Buffer).length];
    const cells = [
      nanoseconds((index) => readText(cursor, from(index), to(index), true).length),
      nanoseconds((index) => all.utf8Slice(from(index), to(index)).length),
      nanoseconds((index) => writeText(writer, 0, texts[index], label, 0)),
      nanoseconds((index) => bytes.write(texts[index] ?? '', 1)),
    ];
    lines.push(`| ${name}, ${length} units | ${parts[0]?.length} | ${cells.map((cell) => cell.toFixed(0)).join(' | ')} |`);
  }
}
process.stdout.write(`${lines.join('\n')}\n`);
