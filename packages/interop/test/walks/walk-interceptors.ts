import { RpcError, type ClientCall, type ClientPlugin, type Interceptor } from '@rpcxjs/core';
import type { WalkGround } from './walk-ground.ts';

/** What an interceptor of a walk throws of its own. */
export const ownWords = /an interceptor said no/;

/** Interceptors as people write them, and as they should not; `passOn` says whether one passed a call on twice, which lets it run twice. */
export class WalkInterceptors {
  passesTwice = false;
  readonly #ground: WalkGround;

  constructor(ground: WalkGround) {
    this.#ground = ground;
  }

  some(): Interceptor<ClientCall>[] {
    const { dice } = this.#ground;
    return Array.from({ length: dice.chance(0.4) ? dice.int(3) : 0 }, () => this.#any());
  }

  plugins(): ClientPlugin[] {
    const { dice } = this.#ground;
    return Array.from({ length: dice.chance(0.4) ? dice.int(3) : 0 }, (_, index) => ({
      name: `p${index}`,
      ...(dice.chance(0.4) ? { interceptAttempt: this.#any() } : {}),
      ...(dice.chance(0.3) ? { start: () => this.#ground.sleep(dice.int(100)) } : {}),
      ...(dice.chance(0.2) ? { connectionOpened: this.#wrapper() } : {}),
      ...(dice.chance(0.2) ? { wrapPicker: (picker) => ({ pick: (info) => picker.pick(info) }) } : {}),
      ...(dice.chance(0.2) ? { stop: () => this.#ground.sleep(dice.int(50)) } : {}),
    } satisfies ClientPlugin));
  }

  #wrapper(): NonNullable<ClientPlugin['connectionOpened']> {
    return async (connection) => {
      await this.#ground.sleep(this.#ground.dice.int(50));
      if (this.#ground.dice.chance(0.1)) throw new Error('no connection for you');
      return connection;
    };
  }

  #any(): Interceptor<ClientCall> {
    const { dice } = this.#ground;
    const sane = this.#sane();
    const odd = this.#odd();
    const at = dice.int(sane.length + odd.length + 2);
    if (at < 2) this.passesTwice = true;
    if (at === 0) return (next) => async (call) => { try { return await next(call); } catch { return await next(call); } };
    if (at === 1) return (next) => async (call) => { try { return await Promise.any([next(call), next(call)]); } catch (error) { throw (error as AggregateError).errors[0]; } };
    return [...sane, ...odd][at - 2]!;
  }

  #sane(): Interceptor<ClientCall>[] {
    const { dice } = this.#ground;
    return [
      (next) => (call) => next(call),
      (next) => async (call) => { await Promise.resolve(); return next(call); },
      (next) => async (call) => { await this.#ground.sleep(dice.int(30)); return next(call); },
      (next) => async (call) => next(call.with({ input: call.input })),
      (next) => async (call) => { void call.signal; return next(call); },
    ];
  }

  #odd(): Interceptor<ClientCall>[] {
    const { dice } = this.#ground;
    return [
      (next) => (call) => (dice.chance(0.05) ? { output: call.input, metadata: {} } : next(call)),
      (next) => async (call) => {
        if (dice.chance(0.05)) throw new RpcError('aborted', 'an interceptor said no', { sent: false });
        return next(call);
      },
      (next) => async (call) => (dice.chance(0.05) ? new Promise<never>(() => {}) : next(call)),
      (next) => async (call) => {
        const left = Promise.resolve(next(call));
        if (!dice.chance(0.1)) return left;
        left.catch(() => {});
        throw new RpcError('aborted', 'left behind');
      },
    ];
  }
}
