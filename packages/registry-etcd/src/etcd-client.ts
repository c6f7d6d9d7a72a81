import type { Etcd3, IOptions } from 'etcd3';
import type { ResolvedEtcdOptions } from './etcd-options.ts';

// As gRPC has them, whose package is etcd3's.
type CallOptions = Exclude<NonNullable<IOptions['defaultCallOptions']>, (...given: never[]) => unknown>;
type UnaryCall = ReturnType<NonNullable<CallOptions['interceptors']>[number]>;
type CallMetadata = Parameters<UnaryCall['start']>[0];
const cancelled = 1 as unknown as Parameters<UnaryCall['cancelWithStatus']>[0]; // gRPC's Status.CANCELLED; its enumeration would have to be loaded

/** A member that is cut off from the others says so at once and ends its watches, instead of keeping quiet (etcd: clientv3.WithRequireLeader). */
function withLeader(metadata: CallMetadata): CallMetadata {
  metadata.set('hasleader', 'true');
  return metadata;
}

/**
 * A client of etcd3 without its own ideas of failure: no retries at the same member and no circuit breaker, which would hold an answer back beyond our deadline and keep failing when etcd is
 * back. What would retry is the kit. Loaded here and not above: it takes a third of a second.
 */
export async function openEtcd({ endpoints, username, password, tls }: ResolvedEtcdOptions, timeoutMs: number): Promise<Etcd3> {
  const [{ Etcd3: Client, isRecoverableError }, { ConstantBackoff, handleWhen, noop, retry }] = await Promise.all([import('etcd3'), import('cockatiel')]);
  // Each retry goes to another member of the cluster.
  const others = endpoints.length - 1;
  const global = others === 0 ? noop : retry(handleWhen(isRecoverableError), { maxAttempts: others, backoff: new ConstantBackoff(0) });
  // Later than the kit's deadline, whose error is better. With several members it is shorter, so that a frozen member leaves time for another one.
  const deadline = (): number => Date.now() + (others === 0 ? timeoutMs + 500 : timeoutMs * 0.4);
  const calls = new Set<UnaryCall>();
  const callOptions = (): CallOptions => ({
    deadline: deadline(),
    interceptors: [(options, next) => {
      const call = next(options) as UnaryCall; // gRPC asks for its own class, and uses no more than the interface
      const start = call.start.bind(call);
      call.start = (metadata, listener) => start(withLeader(metadata), {
        ...listener,
        onReceiveStatus: (status) => {
          calls.delete(call);
          listener?.onReceiveStatus?.(status);
        },
      });
      calls.add(call);
      return call;
    }],
  });
  const streamOptions: CallOptions = {
    interceptors: [(options, next) => {
      const call = next(options) as UnaryCall; // as above
      const start = call.start.bind(call);
      call.start = (metadata, listener) => start(withLeader(metadata), listener);
      return call;
    }],
  };
  const bytes = (pem: string | Uint8Array): Buffer => Buffer.from(pem as string); // either has an overload
  const client = new Client({
    hosts: [...endpoints],
    ...(tls?.ca !== undefined || tls?.cert !== undefined ? {
      credentials: {
        // etcd3's types want authorities; without them gRPC takes its own, as with https:// alone.
        rootCertificate: (tls.ca === undefined ? null : bytes(tls.ca)) as Buffer,
        ...(tls.key === undefined || tls.cert === undefined ? {} : { privateKey: bytes(tls.key), certChain: bytes(tls.cert) }),
      },
    } : {}),
    ...(username === undefined || password === undefined ? {} : { auth: { username, password, callOptions } }),
    // A deadline on a stream would end it; ours ends when we say so.
    defaultCallOptions: ({ isStream }) => (isStream ? streamOptions : callOptions()),
    faultHandling: { host: () => noop, global },
    grpcOptions: {
      'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 1000, 'grpc.use_local_subchannel_pool': 1, 'grpc.max_receive_message_length': 64 << 20,
      ...(tls?.servername === undefined ? {} : { 'grpc.ssl_target_name_override': tls.servername }),
    },
  });
  const close = client.close.bind(client);
  // etcd3 leaves calls that nobody answers to their deadlines, and keeps the process for so long.
  client.close = () => {
    for (const call of calls) call.cancelWithStatus(cancelled, 'the client was closed');
    close();
  };
  return client;
}
