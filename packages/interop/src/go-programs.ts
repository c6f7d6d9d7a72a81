import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The built Go peers, or the reason why there are none on this machine. */
export type GoPrograms = { readonly server: string; readonly client: string; readonly golden: string; readonly missing?: undefined } | { readonly missing: string };
/** Those that meet by a registry: they bring in the clients of four, so they are built for themselves. */
export type GoRegistryPrograms = { readonly provider: string; readonly consumer: string; readonly missing?: undefined } | { readonly missing: string };
/** Those that speak QUIC: the last rpcx that can is older than the rest needs. */
export type GoQuicPrograms = { readonly server: string; readonly client: string; readonly missing?: undefined } | { readonly missing: string };
/** Those that speak KCP, which rpcx has behind a build tag. */
export type GoKcpPrograms = { readonly server: string; readonly client: string; readonly missing?: undefined } | { readonly missing: string };

/** A module of Go beside this folder, and its commands. */
interface GoModule<Name extends string> {
  readonly folder: string;
  readonly programs: readonly Name[];
  /** Build tags, comma-separated. */
  readonly tags?: string;
}
type Built<Name extends string> = (Record<Name, string> & { readonly missing?: undefined }) | { readonly missing: string };

const cache = fileURLToPath(new URL('../.cache/go', import.meta.url));

/** Builds the Go peers once for each state of their sources, into `.cache/go/<hash>`; later calls only look there. With GO=off in the environment there are none. */
export function buildGoPrograms(): Promise<GoPrograms> {
  return buildOnce({ folder: 'go', programs: ['server', 'client', 'golden'] });
}
/** As `buildGoPrograms`, for those that meet by a registry. */
export function buildGoRegistryPrograms(): Promise<GoRegistryPrograms> {
  return buildOnce({ folder: 'go-registries', programs: ['provider', 'consumer'] });
}
/** As `buildGoPrograms`, for those that speak QUIC. */
export function buildGoQuicPrograms(): Promise<GoQuicPrograms> {
  return buildOnce({ folder: 'go-quic', programs: ['server', 'client'], tags: 'quic' });
}
/** As `buildGoPrograms`, for those that speak KCP. */
export function buildGoKcpPrograms(): Promise<GoKcpPrograms> {
  return buildOnce({ folder: 'go-kcp', programs: ['server', 'client'], tags: 'kcp' });
}

async function buildOnce<Name extends string>({ folder: name, programs, tags = '' }: GoModule<Name>): Promise<Built<Name>> {
  if (process.env['GO'] === 'off') return { missing: 'switched off by GO=off' };
  const sources = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const folder = join(cache, `${name}-${hashOfSources(sources)}`);
  const found = (): Built<Name> => Object.fromEntries(programs.map((program) => [program, join(folder, program)])) as Record<Name, string>; // each of them
  const isBuilt = (): boolean => programs.every((program) => existsSync(join(folder, program)));
  if (isBuilt()) return found();
  const go = findGo();
  if (go === undefined) return { missing: 'Go is not installed (no `go` in GO, PATH, /usr/local/go/bin)' };
  mkdirSync(cache, { recursive: true });
  const lock = join(cache, `${name}.lock`);
  await takeLock(lock);
  try {
    const failure = isBuilt() ? undefined : await build({ go, sources, folder, programs, tags });
    return failure === undefined ? found() : { missing: failure };
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

interface GoBuild {
  readonly go: string;
  readonly sources: string;
  readonly folder: string;
  readonly programs: readonly string[];
  readonly tags: string;
}

/** What went wrong, if anything did. */
async function build({ go, sources, folder, programs, tags }: GoBuild): Promise<string | undefined> {
  const fresh = mkdtempSync(join(cache, 'new-'));
  const { code, output } = await run(go, ['build', '-mod=mod', '-trimpath', '-tags', tags, '-o', `${fresh}/`, ...programs.map((name) => `./cmd/${name}`)], sources);
  if (code !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    return `\`go build\` in ${sources} ended with ${code}: ${output.slice(-2000)}`;
  }
  const older = basename(folder).replace(/[0-9a-f]{16}$/, '');
  for (const name of readdirSync(cache)) if (name.startsWith(older) && /^[0-9a-f]{16}$/.test(name.slice(older.length))) rmSync(join(cache, name), { recursive: true, force: true });
  renameSync(fresh, folder);
  return undefined;
}

function hashOfSources(sources: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((name) => /(\.go|go\.mod|go\.sum)$/.test(name));
  for (const name of files.toSorted()) hash.update(name).update('\0').update(readFileSync(join(sources, name)));
  return hash.digest('hex').slice(0, 16);
}

function findGo(): string | undefined {
  const candidates = [process.env['GO'] ?? '', ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'go')), '/usr/local/go/bin/go'];
  return candidates.find((path) => path !== '' && existsSync(path) && statSync(path).isFile());
}

function run(command: string, args: readonly string[], cwd: string): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { output += chunk.toString(); });
    child.once('error', reject);
    child.once('close', (code) => { resolve({ code, output }); });
  });
}

/** A folder is made by one process only: the others wait for it. A lock older than ten minutes belongs to a process that died. */
async function takeLock(lock: string): Promise<void> {
  for (;;) {
    try {
      mkdirSync(lock);
      return;
    } catch {
      if (existsSync(lock) && Date.now() - statSync(lock).mtimeMs > 600_000) rmSync(lock, { recursive: true, force: true });
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
  }
}
