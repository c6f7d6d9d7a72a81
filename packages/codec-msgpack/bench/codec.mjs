// node bench/codec.mjs: ns per message, each candidate in a process of its own.
// SHAPES=5 puts messages of 5 shapes in rotation through the same pair, METHODS=30 gives each shape a pair of its own.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const self = fileURLToPath(import.meta.url);
const compiled = new URL('../.cache/bench.mjs', import.meta.url);
const candidates = ['@msgpack/msgpack', 'generic', 'learned', 'wire type', 'learned, no code generation', 'wire type, no code generation']
  .filter((name) => process.env.SHAPES === undefined || !name.startsWith('wire type'));
const rounds = Number(process.env.ROUNDS ?? 3);
const shapes = Number(process.env.SHAPES ?? process.env.METHODS ?? 1);

if (process.argv[2] === undefined) await report();
else await measure(process.argv[2]);

async function report() {
  const { build } = await import('esbuild');
  await build({ entryPoints: [fileURLToPath(new URL('../src/index.ts', import.meta.url))], outfile: fileURLToPath(compiled), bundle: true, format: 'esm', target: 'node20' });
  const rows = candidates.map((name) => ({ name, encode: [], decode: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      const flags = row.name.endsWith('no code generation') ? ['--disallow-code-generation-from-strings'] : [];
      const child = spawnSync(process.execPath, [...flags, self, row.name.replace(', no code generation', '')], { encoding: 'utf8' });
      if (child.status !== 0) {
        process.stderr.write(`${row.name}: ${child.stderr}\n`);
        continue;
      }
      const { encode, decode } = JSON.parse(child.stdout);
      row.encode.push(encode);
      row.decode.push(decode);
    }
  }
  const [base] = rows;
  process.stdout.write('| candidate | encode ns | decode ns | encode x | decode x |\n| --- | --- | --- | --- | --- |\n');
  for (const row of rows) {
    const [encode, decode] = [median(row.encode), median(row.decode)];
    const ratios = [median(base.encode) / encode, median(base.decode) / decode].map((ratio) => ratio.toFixed(2));
    process.stdout.write(`| ${row.name} | ${encode.toFixed(0)} | ${decode.toFixed(0)} | ${ratios.join(' | ')} |\n`);
  }
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function measure(name) {
  const { kindsOf, messageOf } = await import('./message.mjs');
  const bytes = Buffer.alloc(65536);
  const writer = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset: 0, reserve() {}, append(data) { bytes.set(data, this.offset); this.offset += data.length; }, appendUtf8() {} };
  let pair;
  const jobs = [];
  for (let shape = 0; shape < shapes; shape++) {
    const message = messageOf(shape);
    if (pair === undefined || process.env.METHODS !== undefined) pair = await pairOf(name, kindsOf, message);
    writer.offset = 0;
    pair.encode(message, writer);
    jobs.push({ pair, message, size: writer.offset, source: Buffer.from(bytes.subarray(0, writer.offset + 100)) });
  }
  let next = 0;
  const encode = time(() => {
    const job = jobs[next = (next + 1) % shapes];
    writer.offset = 0;
    job.pair.encode(job.message, writer);
  });
  const decode = time(() => {
    const job = jobs[next = (next + 1) % shapes];
    job.pair.decode(job.source, 0, job.size);
  });
  process.stdout.write(JSON.stringify({ encode, decode }));
}

async function pairOf(name, kindsOf, example) {
  if (name === '@msgpack/msgpack') {
    const { Encoder, Decoder } = await import('@msgpack/msgpack');
    const [encoder, decoder] = [new Encoder(), new Decoder()];
    return {
      encode(value, writer) { writer.append(encoder.encodeSharedRef(value)); },
      decode: (source, start, end) => decoder.decode(source.subarray(start, end)),
    };
  }
  const types = await import(compiled);
  if (name === 'generic') return types.msgpack;
  return types.msgpack.compile(name === 'learned' ? undefined : types.struct(kindsOf(example, types)));
}

/** The best of many short batches, so that a busy machine disturbs some of them and not the figure. */
function time(run) {
  let best = Infinity;
  const warmUntil = performance.now() + 500 + shapes * 100;
  while (performance.now() < warmUntil) for (let index = 0; index < 1000; index++) run();
  for (let round = 0; round < 200; round++) {
    const from = performance.now();
    for (let index = 0; index < 2000; index++) run();
    best = Math.min(best, (performance.now() - from) / 2000 * 1e6);
  }
  return best;
}
