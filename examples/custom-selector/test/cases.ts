import { selectorCases, type ConformanceCase } from '@rpcxjs/conformance';
import { roundRobin } from '@rpcxjs/rpcx';
import { inZone } from '../src/index.ts';

/** The servers of these cases are in no zone, so that all of them are elsewhere. */
export const cases: readonly ConformanceCase[] = selectorCases({ create: () => inZone('eu', roundRobin()) });
