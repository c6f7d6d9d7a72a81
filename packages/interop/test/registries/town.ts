import { fileURLToPath } from 'node:url';
import { systemClock, type Discovery, type Logger } from '@rpcxjs/core';
import { dialProbe, stabilised } from '@rpcxjs/core/discoveries';
import type { KeyValueRegistry, RegistryOptions } from '@rpcxjs/registry-kit';
import type { RegistryServer } from '@rpcxjs/registry-servers';
import { createClient, createServer, type Client, type Server } from '@rpcxjs/rpcx';
import { tcp } from '@rpcxjs/transport-tcp';
import { LineProcess, Load } from '../../src/index.ts';
import { recordingLogger, type RecordingLogger } from '../recording-logger.ts';

/** A registry as the tests of outages need it. */
export interface RegistryRig {
  /** Of the factory, and behind `@rpcxjs/registry-`. */
  readonly name: string;
  start(): Promise<RegistryServer>;
  /** What the factory is to be given for a server at this address; JSON can carry it. */
  options(address: string): object;
  /** A registry of its own, as each process has one. */
  registry(options: object): KeyValueRegistry;
  /** Milliseconds that the entries of these tests live; the least that the server can do well. */
  readonly ttlMs: number;
  /** Milliseconds within which a server that crashed is listed no more. @default ttlMs and two seconds */
  readonly goneMs?: number;
}

/** What a program in a process of its own is told about its registry. */
export interface ProgramSettings {
  readonly name: string;
  readonly options: object;
}

/** A registry, servers that say their names, and a client that calls them. */
export class Town implements AsyncDisposable {
  readonly rig: RegistryRig;
  readonly server: RegistryServer;
  readonly ttlMs: number;
  readonly #open: AsyncDisposable[] = [];

  private constructor(rig: RegistryRig, server: RegistryServer, ttlMs: number) {
    this.rig = rig;
    this.server = server;
    this.ttlMs = ttlMs;
    this.keep(server);
  }

  static async found(rig: RegistryRig, ttlMs: number = rig.ttlMs): Promise<Town> {
    return new Town(rig, await rig.start(), ttlMs);
  }

  keep<T extends AsyncDisposable>(what: T): T {
    this.#open.push(what);
    return what;
  }

  registry(options: RegistryOptions = {}): KeyValueRegistry {
    return this.keep(this.rig.registry(this.#options(options)));
  }

  /** A server of `Town.Who` over a registry of its own. */
  async provider(name: string): Promise<{ readonly address: string; readonly server: Server }> {
    const server = createServer({ registries: [this.registry()], logger: recordingLogger() });
    server.registerFunction('Town', 'Who', () => name);
    this.keep({ [Symbol.asyncDispose]: () => server.close({ graceMs: 0, lameDuckMs: 0 }) });
    const [address = ''] = await server.listen('tcp@127.0.0.1:0');
    // `listen` waits a second for the registry, which may be busy; one that is down lists nobody.
    while (!(await this.listed().catch(() => [address])).includes(address));
    return { address, server };
  }
  async providers(count: number): Promise<string[]> {
    const providers = await Promise.all(Array.from({ length: count }, (_, index) => this.provider(`s${index}`)));
    return providers.map(({ address }) => address).toSorted();
  }

  /** A server of `Town.Who`, called `apart`, in a process of its own. */
  async apart(): Promise<{ readonly address: string; readonly process: LineProcess }> {
    const { child, first } = await this.program('provider-program.ts');
    return { address: String(first['address']), process: child };
  }

  /** One of the programs beside this file; resolves with the first thing that it says. */
  program(file: string, settings: object = {}): Promise<{ child: LineProcess; first: Record<string, unknown> }> {
    return new Promise((resolve, reject) => {
      const told: ProgramSettings = { name: this.rig.name, options: this.#options(), ...settings };
      const path = fileURLToPath(new URL(file, import.meta.url));
      const child: LineProcess = this.keep(new LineProcess(process.execPath, ['--expose-gc', '--conditions', 'development', '--import', 'tsx', path, JSON.stringify(told)], {
        line: (value) => resolve({ child, first: value as Record<string, unknown> }), // of the programs beside this file
        end: reject,
      }));
    });
  }

  /** A client that doubts what the registry says of many at once; `lines` are its warnings. */
  client(discovery: Discovery = this.registry(), logger: RecordingLogger = recordingLogger()): { readonly client: Client; readonly lines: readonly string[] } {
    const client = this.keep(createClient({ discovery: stabilised(discovery, { probe: dialProbe([tcp()]) }), logger }));
    return { client, lines: logger.lines };
  }

  /** A hundred idempotent calls a second. */
  load(client: Client): Load {
    const town = client.service<{ Who(input: null): string }>('Town', { idempotent: ['Who'] });
    return this.keep(new Load({ ratePerSecond: 100, call: () => town.Who(null) }));
  }

  /** What a newcomer finds in the registry. */
  async listed(service = 'Town', logger: Logger = recordingLogger()): Promise<string[]> {
    await using registry = this.rig.registry(this.#options());
    for await (const list of registry.watch(service, { runtime: { clock: systemClock, logger } })) return list.map(({ address }) => address).toSorted();
    throw new Error('the watch ended without a list');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A server that is stopped answers nobody, and all want to take leave of it.
    this.server.thaw();
    for (const each of this.#open.splice(0).reverse()) await each[Symbol.asyncDispose]();
  }

  #options(options: RegistryOptions = {}): object {
    return { ...this.rig.options(this.server.address), basePath: '/town', ttlMs: this.ttlMs, ...options };
  }
}
