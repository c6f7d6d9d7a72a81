// P13: how long a new process takes to its first reply, against a bare node:net script, and what importing the client takes of it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { peers } from './peers.mjs';
import { startServer } from './processes.mjs';

const pairs = 31;
const script = (name) => fileURLToPath(new URL(`startup/${name}.mjs`, import.meta.url));

/** Milliseconds from the start of a process to the first line that it writes, and that line. */
async function untilFirstLine(args) {
  const start = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const elapsed = performance.now() - start;
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${args.at(-2)} ended with exit code ${code}`);
  return { elapsed, line: String(line) };
}

export async function firstReply({ progress }) {
  const bare = await startServer(peers.ceiling.server({ payload: 16 }));
  const ours = await startServer(peers.rpcxjs.server({ codec: 'msgpack' }));
  try {
    const rounds = [];
    for (let pair = 0; pair <= pairs; pair++) {
      const theirs = await untilFirstLine([script('bare'), bare.address]);
      const own = await untilFirstLine(['--conditions=built', script('rpcxjs'), ours.address]);
      // The first pair brings the files into the system's cache.
      if (pair > 0) rounds.push({ ratio: own.elapsed / theirs.elapsed });
      progress(`first reply: ${own.elapsed.toFixed(1)} ms, bare script ${theirs.elapsed.toFixed(1)} ms`);
    }
    return rounds;
  } finally {
    await Promise.all([bare.child.end(), ours.child.end()]);
  }
}

export async function importTime({ progress }) {
  const rounds = [];
  for (let run = 0; run <= pairs; run++) {
    const { line } = await untilFirstLine(['--conditions=built', script('import-client'), '']);
    if (run > 0) rounds.push({ milliseconds: Number(line) });
    progress(`import: ${line.trim()} ms`);
  }
  return rounds;
}
