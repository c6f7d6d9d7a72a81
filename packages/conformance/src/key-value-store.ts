import { claim, conformanceCase } from './case.ts';
import type { ConformanceCase } from './case.ts';
import { keyRules } from './key-value-store-keys.ts';
import { lifeRules } from './key-value-store-life.ts';
import { StoreBench, ttlMs } from './key-value-store-rig.ts';
import type { KeyValueStoreRig, KeyValueStoreSupports, StoreContext } from './key-value-store-rig.ts';
import { CountingRuntime } from './list-reader.ts';

export interface KeyValueStoreCasesOptions {
  /** Makes two stores over one backend, which is empty, as two processes have them; called once for each case. What it is given is what `open` of `keyValueRegistry` is given. */
  readonly create: (context: StoreContext) => KeyValueStoreRig | Promise<KeyValueStoreRig>;
  /** What it can do, and which functions `create` gives; each is assumed. */
  readonly supports?: KeyValueStoreSupports | undefined;
  /** The deadline of each case in milliseconds: some fifty operations, and how long a change may take to be seen, several times. @default 5000 */
  readonly deadlineMs?: number | undefined;
}

/** The cases that every `KeyValueStore` of @rpcxjs/registry-kit must pass. Give them to any test runner: `for (const one of keyValueStoreCases({ … })) it(one.name, one.run)`. */
export function keyValueStoreCases(options: KeyValueStoreCasesOptions): ConformanceCase[] {
  const { create, supports = {}, deadlineMs = 5000 } = options;
  return [...keyRules, ...lifeRules].map((rule) => {
    const skip = rule.needs !== undefined && supports[rule.needs] === false ? `it does not support ${rule.needs}` : undefined;
    let bench: StoreBench | undefined;
    const one = conformanceCase(`key-value store: ${rule.name}`, { late: rule.late, skip, deadlineMs }, async () => {
      const runtime = new CountingRuntime();
      bench = new StoreBench(await create({ runtime, ttlMs, timeoutMs: deadlineMs, signal: new AbortController().signal }), runtime, deadlineMs);
      claim(has(bench.rig, rule.needs), `create() gave no ${rule.needs}(): say supports: { ${rule.needs}: false } without it`);
      await rule.check(bench);
    });
    const run = async (): Promise<void> => {
      try {
        await one.run();
      } catch (error) {
        await bench?.close(deadlineMs).catch(() => {}); // what broke first says more
        throw error;
      }
      await bench?.close(deadlineMs);
    };
    return { ...one, run };
  });
}

/** Keys show what they can do; a hand is there or not. */
function has(rig: KeyValueStoreRig, need: keyof KeyValueStoreSupports | undefined): boolean {
  if (need === undefined || need === 'anyKey' || need === 'slashes') return true;
  return (need === 'touchOwned' ? rig.store.touchOwned : rig[need]) !== undefined;
}
