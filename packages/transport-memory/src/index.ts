export { memory, memoryNetwork } from './network.ts';
export type { MemoryLink, MemoryNetwork } from './network.ts';
export type { BlackHole, Weather } from './weather.ts';
