export { conformanceVersion, conformsLine, countCases } from './case.ts';
export type { CaseCount, ConformanceCase } from './case.ts';
export { codecCases } from './codec.ts';
export type { CodecCasesOptions, CodecSample } from './codec.ts';
export { compressorCases } from './compressor.ts';
export type { CompressorCasesOptions } from './compressor.ts';
export { transportCases } from './transport.ts';
export type { TransportCasesOptions, TransportSupports } from './transport.ts';
