// Who takes part: how each peer's client and server are started, and which version it is.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const goFolder = join(here, 'go');
const goPrograms = join(goFolder, '.cache');
const executable = (name) => join(goPrograms, process.platform === 'win32' ? `${name}.exe` : name);

/** rpcx has KCP and QUIC behind build tags, and the last release whose QUIC compiles is older than the rest needs. */
const goBuilds = { tcp: [], kcp: ['-tags', 'kcp'], quic: ['-tags', 'quic', '-modfile', 'quic.mod'] };
const goProgram = (network = 'tcp') => executable(network === 'tcp' ? 'peers' : `peers-${network}`);

const script = (name, ...flags) => [process.execPath, ...flags, join(here, 'peers', `${name}.mjs`)];
const arguments_ = ({ payload, codec, flush, services, listeners, client, transport }) => [
  '--payload', String(payload ?? 'message'), '--codec', codec ?? 'raw',
  ...(flush ? ['--flush', String(flush)] : []), ...(services ? ['--services', String(services)] : []),
  ...(listeners ? ['--listeners', String(listeners)] : []), ...(client ? ['--client', client] : []), ...(transport ? ['--transport', transport] : []),
];
const node = (name, run, ...flags) => [...script(name, ...flags), ...arguments_(run)];
const go = (name, run, network) => [goProgram(network), name, '--payload', String(run.payload ?? 'message'), '--codec', run.codec ?? 'raw', ...(network ? ['--network', network] : []), ...(run.goFlags ?? [])];
const goOver = (network) => ({ go: network, server: (run) => go('rpcx-server', run, network), client: (run) => go('rpcx-client', run, network) });
const noCodeGeneration = '--disallow-code-generation-from-strings';
const ours = (name, run) => node(name, run, '--conditions=built', ...(run.noCodeGeneration ? [noCodeGeneration] : []), ...(run.flags ?? []));

/** Each peer: the two commands, whether it needs Go, and how long it takes to become as fast as it gets, if that is long. */
export const peers = {
  rpcxjs: { server: (run) => ours('rpcxjs-server', run), client: (run) => ours('rpcxjs-client', run) },
  ceiling: { server: (run) => node('ceiling-server', run), client: (run) => node('ceiling-client', run) },
  bare: { server: (run) => node('bare-server', run), client: (run) => node('bare-client', run) },
  grpc: { warmupSeconds: 2.5, server: (run) => node('grpc-js-server', run), client: (run) => node('grpc-js-client', run) },
  moleculer: { server: (run) => node('moleculer-server', run), client: (run) => node('moleculer-client', run) },
  trpc: { server: (run) => node('trpc-server', run), client: (run) => node('trpc-client', run) },
  goRpcx: { go: true, server: (run) => go('rpcx-server', run), client: (run) => go('rpcx-client', run) },
  goNetrpc: { go: true, server: (run) => go('netrpc-server', run), client: (run) => go('netrpc-client', run) },
  goKcp: goOver('kcp'),
  goQuic: goOver('quic'),
  tsToGo: { go: true, server: (run) => go('rpcx-server', run), client: (run) => ours('rpcxjs-client', run) },
  goToTs: { go: true, server: (run) => ours('rpcxjs-server', run), client: (run) => go('rpcx-client', run) },
};

/** Builds a Go program of the peers (cached by Go itself), `tcp` unless a network is named. Returns why it cannot take part, or undefined. */
export function prepareGo(network = 'tcp') {
  if (spawnSync('go', ['version']).status !== 0) return 'Go is not installed';
  mkdirSync(goPrograms, { recursive: true });
  const built = spawnSync('go', ['build', ...goBuilds[network], '-o', goProgram(network), '.'], { cwd: goFolder, encoding: 'utf8' });
  return built.status === 0 ? undefined : `the Go peers do not build: ${built.stderr.trim().split('\n').at(-1)}`;
}

function packageVersion(name) {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  for (;;) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) {
      const { name: found, version } = JSON.parse(readFileSync(file, 'utf8'));
      if (found === name && version) return version;
    }
    folder = dirname(folder);
  }
}

/** Name and version of everything measured, for the results. */
export function versions(goMissing) {
  const rpcxjs = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')).version;
  const found = { rpcxjs, node: process.versions.node };
  for (const name of ['@grpc/grpc-js', 'moleculer', '@trpc/server', 'ws']) found[name] = packageVersion(name);
  if (goMissing) return found;
  const rpcxVersion = (file) => /smallnest\/rpcx (v\S+)/.exec(readFileSync(join(goFolder, file), 'utf8'))?.[1];
  found['Go rpcx'] = rpcxVersion('go.mod');
  found['Go rpcx over QUIC'] = rpcxVersion('quic.mod');
  found.Go = execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8' }).trim();
  return found;
}
