// The surface as a user writes against it: what compiles, and what must not.
import { contract, createClient, errorKind, failbackup, failover, isError, methodsOf, presets, push, RpcError, serverStream, type, unary, type CallOptions, type Client, type ClientPlugin, type ErrorKind, type FailDecision, type MethodRef, type Receipt, type RegisterOptions, type Server, type ServerOptions, type ServerPlugin, type ServiceOptions } from '../src/index.ts';

// shared by both sides; keys are wire names
const Orders = contract('Orders', {
  Place: unary({
    input: type<{ Sku: string }>(),
    output: type<{ Id: number }>(),
    errors: { OutOfStock: type<{ left: number }>() },
  }),
  Find: unary<{ Id: number }, { Sku: string }>({ idempotent: true }),
  Ping: unary<void, string>(),
  History: serverStream<{ Id: number }, { at: string }>(),
  Shipped: push<{ Id: number }>(),
});
// a service written in Go, with Go's field names
interface GoStock {
  Take(args: { Sku: string; N: number }): Promise<{ Left: number }>;
  Flush(): Promise<void>;
}

export function serve(server: Server, client: Client): void {
  const stock = client.service<GoStock>('Stock', { idempotent: ['Take'] });
  server.register(Orders, {
    async Place({ Sku }, call) {
      const { Left } = await stock.Take({ Sku, N: 1 }); // has what is left of the caller's deadline
      if (Left < 0) throw call.fail('OutOfStock', { left: Left });
      await call.peer.push(Orders.methods.Shipped, { Id: 7 });
      return { Id: 7 };
    },
    Find: ({ Id }) => ({ Sku: `A${Id}` }),
    Ping: () => 'pong',
    async *History() {
      yield { at: 'now' };
    },
  });
}
export async function use(client: Client): Promise<void> {
  const orders = client.service(Orders);
  await orders.Ping();
  const found: { Sku: string } = await orders.Find({ Id: 1 });
  for await (const { at } of orders.History({ Id: 1 })) at.length;
  using shipped = client.pushes(Orders.methods.Shipped);
  try {
    const { Id } = await orders.Place({ Sku: found.Sku }, { timeoutMs: 500 });
    for await (const event of shipped) if (event.Id === Id) break;
  } catch (error) {
    if (isError(Orders.methods.Place, 'OutOfStock', error)) error.details?.left.toFixed();
    else if (RpcError.is(error) && error.code === 'deadline_exceeded') error.attempts?.length;
    else throw error;
  }
  await client.oneway(Orders.methods.Find, { Id: 2 });
  await client.service<GoStock>('Stock').Flush();
  // @ts-expect-error a push cannot be called
  orders.Shipped;
  // @ts-expect-error a misspelt method
  client.service<GoStock>('Stock', { idempotent: ['Tke'] });
  // @ts-expect-error a wrong input
  await orders.Place({ sku: 'A1' });
}

/** The verbs beside the plain call know what a method takes and gives. */
export async function verbs(client: Client): Promise<void> {
  const { Find, Ping, Shipped, History } = Orders.methods;
  const handle = client.start(Find, { Id: 1 }, { done: (call) => call.metadata?.['x'] });
  const { Sku }: { Sku: string } = await handle;
  await handle.sent;
  handle.cancel(Sku);
  await client.start(Ping, undefined);
  const batch = client.batch();
  const found: { Sku: string } = await batch.add(Find, { Id: 1 });
  await batch.call({ timeoutMs: 10 });
  const receipts = await client.broadcast(Find, { Id: found.Sku.length }, { group: 'eu' });
  receipts[0]?.value?.Sku.at(0);
  const first: string = await client.fork(Ping, undefined);
  const { Take, Flush } = methodsOf<GoStock>('Stock', { idempotent: ['Take'] });
  (await client.inform(Take, { Sku: first, N: 1 }))[0]?.value?.Left.toFixed();
  await client.oneshot(Flush, undefined);
  for await (const { service, decode } of client.messages()) decode<{ Id: number }>().Id + service.length;
  // an input that is void, or may be undefined, may be left out
  const pong: string = await client.start(Ping);
  await client.start(Ping, undefined, { done: (call) => call.address?.at(0) });
  await client.oneway(Ping);
  await client.oneshot(Flush);
  (await client.broadcast(Ping))[0]?.value?.at(0);
  (await client.inform(Flush))[0]?.address.at(pong.length);
  const forked: string = await client.fork(Ping, undefined, { group: 'eu' });
  const added: string = await batch.add(Ping);
  await batch.addOneway(methodsOf<{ Trim(to?: number): Promise<void> }>('Log').Trim);
  await toAll(client, Find, { Id: forked.length + added.length });
  // @ts-expect-error an input is missing
  await client.oneway(Find);
  // @ts-expect-error here as well
  client.start(Take);
  // @ts-expect-error a push cannot be called
  client.start(Shipped, { Id: 1 });
  // @ts-expect-error neither can a stream
  await client.inform(History, { Id: 1 });
  // @ts-expect-error a wrong input
  await client.broadcast(Find, { id: 1 });
  // @ts-expect-error a misspelt method
  methodsOf<GoStock>('Stock').Tke;
  // @ts-expect-error time belongs to the whole batch
  batch.add(Find, { Id: 1 }, { timeoutMs: 5 });
  const kind: ErrorKind = errorKind(new Error('any value'));
  createClient({ ...presets.morpc, servers: kind });
}
/** What is generic itself takes any method. */
async function toAll<In, Out>(client: Client, method: MethodRef<'unary', In, Out>, input: In): Promise<readonly unknown[]> {
  await client.oneway(method, input);
  return [await client.start(method, input), await client.batch().add(method, input), ...(await client.inform(method, input, { timeoutMs: 5 }))];
}

/** A receipt has a reply or an error, and whoever has looked at the error knows which. */
export function receipts(all: readonly Receipt<{ Sku: string }>[]): readonly string[] {
  for (const receipt of all) {
    if (receipt.error) receipt.error.message.at(receipt.address.length);
    else receipt.value.Sku.at(0);
    // @ts-expect-error a server may have failed
    receipt.value.Sku;
  }
  const texts = all.map(({ value, error }) => (error === undefined ? value.Sku : error.message));
  return [...texts, ...all.filter(({ error }) => error === undefined).map(({ value }) => value?.Sku ?? '')];
}
/** One that a test makes by hand. */
export const made: readonly Receipt<number>[] = [{ address: 'tcp@a:1', value: 7 }, { address: 'tcp@b:1', error: new RpcError('unavailable', 'gone') }];

/** What may be left out may be undefined, so that settings which a program may or may not have need no detour. */
export function undecided(client: Client, number: number | undefined, text: string | undefined, yes: boolean | undefined): readonly unknown[] {
  const nothing = undefined;
  const service: ServiceOptions<'Find'> = { path: text, group: text, codec: text, idempotent: nothing, failMode: nothing, selector: nothing };
  const registered: RegisterOptions = { path: text, metadata: nothing, intercept: nothing, methods: nothing };
  const call: CallOptions = { timeoutMs: number, hashKey: text, signal: nothing, metadata: nothing, waitForReady: yes, onReply: nothing };
  const plugins: [ClientPlugin, ServerPlugin] = [{ name: 'c', intercept: nothing, interceptAttempt: nothing }, { name: 's', intercept: nothing, interceptPush: nothing }];
  const again: FailDecision = { again: 'other', afterMs: 1, jitterMs: number };
  const modes = [failover({ retries: number, backoffMs: number, maxBackoffMs: number, retryUnsafe: yes }), failbackup({ latencyMs: number })];
  const options = { servers: 'tcp@a:1', retryBudget: { ratio: number, perSecond: number }, limits: { maxQueuedCalls: number, maxFrameBytes: number }, heartbeat: { idleMs: number } };
  const limits: ServerOptions['limits'] = { maxCalls: number };
  const methods = [unary<void, void>({ idempotent: yes }), unary({ input: type<string>(), output: type<string>(), idempotent: yes, errors: nothing })];
  return [client.close({ graceMs: number }), service, registered, call, plugins, again, modes, limits, createClient(options), methods, methodsOf('X', { idempotent: nothing })];
}
