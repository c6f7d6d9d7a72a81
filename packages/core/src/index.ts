/// <reference lib="esnext.disposable" preserve="true" />
// For everybody.
export { contract, isError } from './contract.ts';
export { bidiStream, clientStream, push, serverStream, unary } from './method.ts';
export type { CallOptions, ClientMethod, Contract, ContractClient, ContractHandlers, DeclaredCode, DeclaredError, Handler, InterfaceClient } from './contract.ts';
export type { BoundMethods, ErrorMap, Kind, Method, MethodFactory, MethodOptions, MethodRef, Methods, MethodSpec } from './method.ts';
export { RpcError } from './errors.ts';
export type { Attempted, Code, Reason, Reasons, RpcErrorInit } from './errors.ts';
export { type } from './schema.ts';
export { bytesCodec } from './bytes-codec.ts';
export { jsonCodec } from './json-codec.ts';
export { contextKey } from './context.ts';
export type { ContextKey, ContextValues, Metadata, MutableMetadata } from './context.ts';
export type { ClientCall, Handle, HandlerCall, Interceptor, Peer, Push, RawMessage, Reply, ServerCall } from './call.ts';

// For whoever writes a plugin: a transport, codec, registry, selector, fail mode or interceptor.
export { formatAddress, parseAddress, splitHostPort } from './address.ts';
export type { Address } from './address.ts';
export { currentAmbient, runAmbient } from './ambient.ts';
export type { Ambient } from './ambient.ts';
export { intercept, settle } from './call.ts';
export type { ByteWriter, Codec, Compressor, MaybePromise, PayloadCodec } from './codec.ts';
export { consoleLogger, silentLogger } from './console-logger.ts';
export { allocate, copyBytes } from './copy-bytes.ts';
export { createContextValues, createMetadata } from './context.ts';
export { DeadlineRing } from './deadline-ring.ts';
export type { Expirable } from './deadline-ring.ts';
export { filterInstances, fixed } from './discovery.ts';
export type { Discovery, InstanceMetadata, Lease, Registration, Registry, ServiceInstance, WatchOptions } from './discovery.ts';
export type { AttemptFailure, FailDecision, FailMode } from './fail-mode.ts';
export { LazySignal, onAbort } from './lazy-signal.ts';
export type { ClientPlugin, FrameInfo, RegisteredService, ServerPlugin } from './plugin.ts';
export type { Clock, Logger, Runtime, Timer } from './runtime.ts';
export { wire } from './schema.ts';
export type { SchemaIn, SchemaOut, SchemaResult, StandardSchema, WireType } from './schema.ts';
export type { Outcome, Pick, PickInfo, Picker, Selector } from './selector.ts';
export { sleep } from './sleep.ts';
export { systemClock } from './system-clock.ts';
export type {
  Acceptor, Connection, ConnectionSink, Dialer, DialOptions, Listener, ListenOptions, PeerCertificate, Transport,
} from './transport.ts';
export { thrownText } from './thrown-text.ts';
export { readUtf8, utf8Bytes, utf8Room, writeUtf8 } from './utf8.ts';
