import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Resolver } from 'node:dns/promises';
import { describe } from 'vitest';

const program = ['dnsmasq', '/usr/sbin/dnsmasq'].find((path) => spawnSync(path, ['--version']).status === 0);

/** With a real DNS server; skipped without one, which is a failure in CI. */
export function describeWithDnsmasq(name: string, tests: () => void): void {
  if (program === undefined && process.env['CI'] !== undefined) throw new Error('dnsmasq is not installed: apt-get install dnsmasq-base');
  describe.skipIf(program === undefined)(program === undefined ? `${name} (dnsmasq is not installed)` : name, tests);
}

/** A dnsmasq on a free port of loopback that knows the names it is told, and that nothing else ends in `.internal`. */
export class Dnsmasq implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'dnsmasq-'));
  /** A name that no other one knows. */
  readonly #self = `${randomUUID()}.internal`;
  readonly #hosts = new Map<string, readonly string[]>([[this.#self, ['192.0.2.255']]]);
  #port = 0;
  #child: ChildProcess | undefined;

  static async start(): Promise<Dnsmasq> {
    const server = new Dnsmasq();
    // Somebody else may take the port before it does.
    for (let running = false; !running;) {
      const socket = createSocket('udp4').bind(0, '127.0.0.1');
      await once(socket, 'listening');
      server.#port = socket.address().port;
      await new Promise<void>((resolve) => socket.close(resolve));
      running = await server.run();
    }
    return server;
  }
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** False when it cannot. `services` are of the form `_rpcx._tcp.shop.internal,a.shop.internal,8972,0,10`. */
  async run(...services: readonly string[]): Promise<boolean> {
    this.#write();
    const flags = ['--keep-in-foreground', '--no-resolv', '--no-hosts', '--conf-file=/dev/null', `--port=${this.#port}`, '--listen-address=127.0.0.1', '--bind-interfaces', '--local=/internal/', '--local-ttl=1',
      `--addn-hosts=${this.#file}`, '--pid-file=', '--user=', '--log-facility=-', ...services.map((service) => `--srv-host=${service}`)];
    const child = spawn(program ?? '', flags, { stdio: 'ignore' });
    this.#child = child;
    // Whoever answers at the port may be another one, which was faster.
    while ((await this.#ask(this.#self))?.[0] !== '192.0.2.255') if (child.exitCode !== null || child.signalCode !== null) return false;
    return true;
  }
  async set(name: string, ...addresses: readonly string[]): Promise<void> {
    this.#hosts.set(name, addresses);
    this.#write();
    const wanted = addresses.toSorted().join();
    // A signal that comes while it reads the file is lost.
    for (let asked: string | undefined; asked !== wanted; asked = (await this.#ask(name))?.join()) {
      if (this.#child?.kill('SIGHUP') !== true) throw new Error('dnsmasq does not run');
    }
  }
  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(name);
  }
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
  }

  get #file(): string {
    return join(this.#folder, 'hosts');
  }
  #write(): void {
    writeFileSync(this.#file, [...this.#hosts].flatMap(([name, addresses]) => addresses.map((address) => `${address} ${name}\n`)).join(''));
  }
  /** Undefined while it does not answer. */
  async #ask(name: string): Promise<string[] | undefined> {
    const resolver = new Resolver({ timeout: 100, tries: 1 });
    resolver.setServers([this.address]);
    const none = (error: NodeJS.ErrnoException): string[] => {
      if (error.code === 'ENOTFOUND' || error.code === 'ENODATA') return [];
      throw error;
    };
    try {
      return (await Promise.all([resolver.resolve4(name).catch(none), resolver.resolve6(name).catch(none)])).flat().sort();
    } catch {
      return undefined;
    }
  }
}
