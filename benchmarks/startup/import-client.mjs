// Milliseconds that importing the client takes, with the transport and the codec that it needs to do anything.
const start = performance.now();
await import('@rpcxjs/client');
await import('@rpcxjs/transport-tcp');
await import('@rpcxjs/codec-msgpack');
process.stdout.write(`${(performance.now() - start).toFixed(1)}\n`);
