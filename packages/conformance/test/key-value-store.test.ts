import { it } from 'vitest';
import { keyValueStoreCases } from '../src/index.ts';
import type { KeyValueStoreRig, StoreContext } from '../src/index.ts';
import { SharedBackend, SharedStore } from './shared-store.ts';
import type { StoreDefect } from './shared-store.ts';

function rig(context: StoreContext, defect?: StoreDefect): KeyValueStoreRig {
  const backend = new SharedBackend();
  return {
    store: backend.open(context, defect),
    other: backend.open(context, defect),
    loseSession: (store) => void (store instanceof SharedStore && store.loseSession()),
    expire: (store) => void (store instanceof SharedStore && store.expire()),
    freeze: () => backend.freeze(),
    thaw: () => backend.thaw(),
  };
}

const honest = keyValueStoreCases({ create: (context) => rig(context) });
for (const one of honest) it(one.name, one.run);
