// For everybody.
export { quic } from './quic.ts';
export type { QuicOptions, QuicTlsOptions } from './quic-options.ts';

// For whoever writes another engine.
export type {
  QuicAcceptOptions, QuicConnectOptions, QuicContext, QuicEnding, QuicEndpoint, QuicEngine, QuicEngineConnection, QuicEngineSettings, QuicRetryOptions,
} from './engine.ts';
