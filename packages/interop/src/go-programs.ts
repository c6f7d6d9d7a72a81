import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The built Go peers, or the reason why there are none on this machine. */
export type GoPrograms = { readonly server: string; readonly client: string; readonly golden: string; readonly missing?: undefined } | { readonly missing: string };

const sources = fileURLToPath(new URL('../go', import.meta.url));
const cache = fileURLToPath(new URL('../.cache/go', import.meta.url));
const programs = ['server', 'client', 'golden'];

/** Builds the Go peers once for each state of their sources, into `.cache/go/<hash>`; later calls only look there. With GO=off in the environment there are none. */
export async function buildGoPrograms(): Promise<GoPrograms> {
  if (process.env['GO'] === 'off') return { missing: 'switched off by GO=off' };
  const folder = join(cache, hashOfSources());
  if (isBuilt(folder)) return found(folder);
  const go = findGo();
  if (go === undefined) return { missing: 'Go is not installed (looked for `go` in GO, PATH and /usr/local/go/bin)' };
  mkdirSync(cache, { recursive: true });
  const lock = join(cache, 'lock');
  await takeLock(lock);
  try {
    return isBuilt(folder) ? found(folder) : await build(go, folder);
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

async function build(go: string, folder: string): Promise<GoPrograms> {
  const fresh = mkdtempSync(join(cache, 'new-'));
  const { code, output } = await run(go, ['build', '-trimpath', '-o', `${fresh}/`, ...programs.map((name) => `./cmd/${name}`)]);
  if (code !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    return { missing: `\`go build\` in packages/interop/go ended with ${code}: ${output.slice(-2000)}` };
  }
  for (const name of readdirSync(cache)) if (/^[0-9a-f]{16}$/.test(name)) rmSync(join(cache, name), { recursive: true, force: true });
  renameSync(fresh, folder);
  return found(folder);
}

function isBuilt(folder: string): boolean {
  return programs.every((name) => existsSync(join(folder, name)));
}

function found(folder: string): GoPrograms {
  return { server: join(folder, 'server'), client: join(folder, 'client'), golden: join(folder, 'golden') };
}

function hashOfSources(): string {
  const hash = createHash('sha256');
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((name) => /(\.go|go\.mod|go\.sum)$/.test(name));
  for (const name of files.toSorted()) hash.update(name).update('\0').update(readFileSync(join(sources, name)));
  return hash.digest('hex').slice(0, 16);
}

function findGo(): string | undefined {
  const candidates = [process.env['GO'] ?? '', ...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'go')), '/usr/local/go/bin/go'];
  return candidates.find((path) => path !== '' && existsSync(path) && statSync(path).isFile());
}

function run(command: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: sources, stdio: ['ignore', 'pipe', 'pipe'] });
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
