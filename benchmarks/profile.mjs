// Where the time of one pair goes: `node benchmarks/profile.mjs [--peer rpcxjs] [--transport tcp] [--codec raw] [--payload message] [--in-flight 100] [--seconds 3] [--top 25]`.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { peers } from './peers.mjs';
import { startPair } from './processes.mjs';

const option = (value) => ({ type: 'string', default: value });
const { values: options } = parseArgs({
  options: {
    peer: option('rpcxjs'), transport: option('tcp'), codec: option('raw'), payload: option('message'), 'in-flight': option('100'), seconds: option('3'), top: option('25'), flush: { type: 'string' },
    'no-code-generation': { type: 'boolean', default: false },
  },
});

/** Self time by function, as shares of the time that the process was not idle. */
function selfTimes(file) {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8'));
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const spent = new Map();
  let busy = 0;
  samples.forEach((id, index) => {
    const { functionName, url, lineNumber } = byId.get(id);
    if (functionName === '(idle)') return;
    const place = url === '' ? '' : ` ${url.split('/').slice(-3).join('/')}:${lineNumber + 1}`;
    const name = `${functionName || '(anonymous)'}${place}`;
    spent.set(name, (spent.get(name) ?? 0) + timeDeltas[index]);
    busy += timeDeltas[index];
  });
  return [...spent].sort((a, b) => b[1] - a[1]).map(([name, time]) => ({ name, percent: (100 * time) / busy }));
}

const folder = mkdtempSync(join(tmpdir(), 'rpcxjs-profile-'));
try {
  const peer = peers[options.peer];
  const run = { transport: options.transport, codec: options.codec, payload: options.payload, flush: options.flush, noCodeGeneration: options['no-code-generation'] };
  const profiled = ([program, ...args], side) => [program, '--cpu-prof', '--cpu-prof-interval', '200', '--cpu-prof-name', `${side}.cpuprofile`, '--cpu-prof-dir', folder, ...args];
  const pair = await startPair({ server: profiled(peer.server(run), 'server'), client: profiled(peer.client(run), 'client') });
  const result = await pair.run({ inFlight: Number(options['in-flight']), seconds: Number(options.seconds), warmupSeconds: 1 });
  await pair.end();
  process.stdout.write(`${JSON.stringify(result)}\n`);
  for (const file of readdirSync(folder).sort()) {
    process.stdout.write(`\n${file}\n`);
    for (const { name, percent } of selfTimes(join(folder, file)).slice(0, Number(options.top))) process.stdout.write(`${percent.toFixed(1).padStart(6)} %  ${name}\n`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
