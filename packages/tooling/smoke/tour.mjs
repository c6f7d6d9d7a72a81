// A call, an error, a deadline that reaches a nested call, a cancel, a push, a megabyte and a server that goes and comes back: on whatever runtime this is run.
import { contract, createClient, createServer, isError, push, type, unary } from '@rpcxjs/rpcx';

const Tour = contract('Tour', { Echo: unary({ idempotent: true }), Sold: unary({ errors: { OutOfStock: type() } }), Wait: unary(), Pass: unary(), Tick: push() });
const seen = [];
let aborted = () => {};

function serve() {
  const server = createServer();
  // It never answers: an answer at its end could overtake the caller's own clock.
  const waits = (_, call) => new Promise(() => call.signal.addEventListener('abort', () => aborted(call.signal.reason.code)));
  server.register(Tour, {
    Echo: (input, call) => { void call.peer.push(Tour.methods.Tick, 1); return input; },
    Sold: (_, call) => { throw call.fail('OutOfStock', { left: 3 }); },
    Wait: waits,
    // Its caller's deadline, and nothing else, ends the inner call.
    Pass: () => inner.Wait({}),
  });
  return server;
}
const codeOf = (promise) => promise.then(() => 'no error', (error) => isError(Tour.methods.Sold, 'OutOfStock', error) ? `${error.code} ${JSON.stringify(error.details)}` : error.code);
const handlerAborted = () => new Promise((resolve) => (aborted = resolve));

let server = serve();
const [address] = await server.listen('tcp@127.0.0.1:0');
const client = createClient({ servers: [address] });
const nested = createClient({ servers: [address], timeoutMs: Infinity });
const inner = nested.service(Tour);
const tour = client.service(Tour);

const ticks = client.pushes(Tour.methods.Tick)[Symbol.asyncIterator]();
seen.push((await tour.Echo({ A: 42 })).A, (await ticks.next()).value, await codeOf(tour.Sold({})));
// It is connected by then: a deadline that is over before the inner call arrives aborts nothing there.
await inner.Echo(0);
let told = handlerAborted();
seen.push(await codeOf(tour.Pass({}, { timeoutMs: 500 })), await told);
const controller = new AbortController();
told = handlerAborted();
const cancelled = codeOf(tour.Wait({}, { signal: controller.signal }));
await tour.Echo(0);
controller.abort();
seen.push(await cancelled, await told);
const text = 'x'.repeat(1 << 20);
seen.push((await tour.Echo(text)) === text);
seen.push((await Promise.all(Array.from({ length: 1000 }, (_, index) => tour.Echo(index)))).every((value, index) => value === index));
server.abort();
server = serve();
await server.listen(address);
seen.push(await tour.Echo('again', { waitForReady: true }));
await Promise.all([client.close(), nested.close()]);
await server.close();
process.stdout.write(`${seen.join(', ')}\n`);
