import type { StoreContext, StoreUnderTest } from '@rpcxjs/conformance';
import { expectTypeOf } from 'vitest';
import type { OpenContext } from './backend.ts';
import type { KeyValueStore } from './key-value-store.ts';

// The cases for stores say the interface again, because they depend on nothing but the waist: each is the other.
declare const store: KeyValueStore;
expectTypeOf(store).toExtend<StoreUnderTest>();
declare const tested: StoreUnderTest;
expectTypeOf(tested).toExtend<KeyValueStore>();
expectTypeOf<StoreContext>().toEqualTypeOf<OpenContext>();
