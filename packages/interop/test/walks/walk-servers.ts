import { RpcError, type Dialer, type ServerCall } from '@rpcxjs/core';
import { createServer, type Server, type ServerOptions } from '@rpcxjs/server';
import { memoryNetwork, type MemoryNetwork } from '@rpcxjs/transport-memory';
import { readFrames } from '../../src/index.ts';
import type { WalkGround } from './walk-ground.ts';

const moods = ['ok', 'ok', 'mixed', 'mixed', 'slow', 'never', 'throws', 'unavailable', 'exhausted', 'app'] as const;
type Mood = (typeof moods)[number];

/** One to four servers of S.Do and S.Idem, each on a network of its own; they answer with their input, or as their mood is. */
export class WalkServers {
  readonly names: readonly string[];
  /** How often each input was run. */
  readonly runs = new Map<number, number>();
  /** To which servers each input was written. */
  readonly written = new Map<number, Set<string>>();
  readonly #ground: WalkGround;
  readonly #networks: ReadonlyMap<string, MemoryNetwork>;
  readonly #moods = new Map<string, Mood>();
  readonly #running = new Map<string, Server>();

  constructor(ground: WalkGround) {
    this.#ground = ground;
    this.names = Array.from({ length: 1 + ground.dice.int(4) }, (_, index) => `s${index}`);
    this.#networks = new Map(this.names.map((name) => [name, memoryNetwork({ poison: true })]));
  }

  async start(): Promise<void> {
    for (const name of this.names) if (this.#ground.dice.chance(0.9)) await this.#up(name);
  }

  /** Dials them all, and sees what is written. */
  dialer(): Dialer {
    return {
      networks: ['memory'],
      dial: async (address, options) => {
        const name = address.host;
        const connection = await this.#network(name).dial(address, options);
        const write = connection.write.bind(connection);
        let rest: Buffer = Buffer.alloc(0);
        connection.write = (bytes) => {
          const read = readFrames(Buffer.concat([rest, bytes]));
          rest = read.rest;
          for (const { service, payload } of read.frames) if (service === 'S') this.#note(Number(String(payload)), name);
          return write(bytes);
        };
        return connection;
      },
    };
  }

  /** Something happens to one of them. */
  async change(): Promise<void> {
    const { dice } = this.#ground;
    const name = dice.one(this.names);
    const network = this.#network(name);
    const what = dice.one(['mood', 'mood', 'mood', 'cut', 'cut', 'hole', 'clear', 'clear', 'delay', 'chunk', 'refuse', 'drop', 'half', 'up', 'up', 'close', 'abort', 'abort'] as const);
    const link = network.links.length > 0 ? dice.one(network.links) : undefined;
    this.#ground.note('server', name, what);
    switch (what) {
      case 'mood': this.#moods.set(name, dice.one(moods)); break;
      case 'cut': link?.cut(); break;
      case 'drop': link?.drop(); break;
      case 'half': link?.halfOpen(dice.one(['client', 'server'])); break;
      case 'hole': network.change({ blackHole: dice.one(['toServer', 'toClient', 'both']) }); break;
      case 'clear': network.change({ blackHole: 'none', delayMs: 0, chunkBytes: Infinity, refuse: false }); break;
      case 'delay': network.change({ delayMs: dice.int(200) }); break;
      case 'chunk': network.change({ chunkBytes: 1 + dice.int(50) }); break;
      case 'refuse': network.change({ refuse: true }); break;
      case 'up': await this.#up(name); break;
      case 'close': this.#down(name, dice.int(2000)); break;
      case 'abort': this.#down(name, undefined); break;
    }
  }

  /** Ends them all; nothing may be left of their connections. */
  async end(): Promise<void> {
    const { clock, background } = this.#ground;
    for (const name of this.names) this.#down(name, undefined);
    for (const network of this.#networks.values()) network.change({ blackHole: 'none', delayMs: 0, refuse: false });
    await clock.advanceAsync(60_000);
    await Promise.all(background);
    await clock.advanceAsync(10_000);
    for (const { links } of this.#networks.values()) if (links.length > 0) this.#ground.wrong(`${links.length} links are left`);
  }

  #network(name: string): MemoryNetwork {
    return this.#networks.get(name)!; // made for each name
  }

  #note(input: number, name: string): void {
    const names = this.written.get(input) ?? new Set();
    this.written.set(input, names.add(name));
  }

  async #up(name: string): Promise<void> {
    if (this.#running.has(name)) return;
    const { dice, clock, logger, background } = this.#ground;
    const limits: ServerOptions['limits'] = dice.chance(0.3) ? { maxCalls: 2, maxQueuedCalls: dice.chance(0.5) ? 0 : 3 } : {};
    const server = createServer({ transports: [this.#network(name)], clock, logger, limits, whenFull: dice.chance(0.2) ? 'pause' : 'refuse' });
    for (const method of ['Do', 'Idem']) server.registerFunction('S', method, (input: number, call) => this.#run(name, input, call));
    this.#running.set(name, server);
    try {
      await server.listen(`memory@${name}`);
    } catch {
      // The one before it has not gone yet.
      this.#running.delete(name);
      background.push(server.close());
    }
  }

  #down(name: string, graceMs: number | undefined): void {
    const server = this.#running.get(name);
    if (server === undefined) return;
    this.#running.delete(name);
    if (graceMs === undefined) server.abort();
    this.#ground.background.push(server.close(graceMs === undefined ? {} : { graceMs }));
  }

  #run(name: string, input: number, call: ServerCall): number | Promise<number> {
    const { dice } = this.#ground;
    this.runs.set(input, (this.runs.get(input) ?? 0) + 1);
    const mood = this.#moods.get(name) ?? 'ok';
    return this.#answer(mood === 'mixed' ? dice.one<Mood>(['ok', 'slow', 'throws', 'unavailable']) : mood, input, call);
  }

  #answer(mood: Mood, input: number, call: ServerCall): number | Promise<number> {
    const { dice, clock } = this.#ground;
    switch (mood) {
      case 'slow':
        return new Promise((resolve, reject) => {
          const timer = clock.setTimer(() => resolve(input), 1 + dice.int(2000));
          call.signal.addEventListener('abort', () => { timer.cancel(); reject(call.signal.reason); });
        });
      case 'never': return new Promise((_, reject) => { call.signal.addEventListener('abort', () => reject(call.signal.reason)); });
      case 'throws': throw new Error('boom');
      case 'unavailable': throw new RpcError('unavailable', 'not now', dice.chance(0.5) ? { retryAfterMs: dice.int(300) } : {});
      case 'exhausted': throw new RpcError('resource_exhausted', 'enough');
      case 'app': throw new RpcError('not_found', 'no such thing');
      case 'ok': case 'mixed': return input;
    }
  }
}
