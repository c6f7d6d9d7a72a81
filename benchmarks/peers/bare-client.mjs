// The least that an RPC client with promises can be: a promise, a deadline and a place in a table for each call, and nothing else.
import { connect } from 'node:net';
import { peerOptions, promiseLoop, serveJobs } from '../closed-loop.mjs';
import { isEcho, rawPayload } from '../message.mjs';
import { BareWriter, head, reading } from './bare-frame.mjs';

const timeoutMs = 10_000;
const places = 1024; // more than calls in flight
const options = peerOptions();
const [host, port] = options.address.split(':');
const request = head({ reply: false, timeoutMs });
const payload = rawPayload(options.payload);
const resolvers = new Array(places).fill(undefined);
const deadlines = new Float64Array(places).fill(Infinity);
let sequence = 0;
let keptResolve;
const keep = (resolve) => {
  keptResolve = resolve;
};

const socket = connect({
  host, port: Number(port), noDelay: true,
  onread: reading((answered, reply) => {
    const place = answered % places;
    const resolve = resolvers[place];
    resolvers[place] = undefined;
    deadlines[place] = Infinity;
    resolve(reply);
  }),
});
const writer = new BareWriter(socket, Number(options.flush));

// What would end calls that are late; here none is.
setInterval(() => {
  const now = performance.now();
  if (deadlines.some((deadline) => deadline < now)) throw new Error('a call was not answered in time');
}, 100).unref();

await serveJobs(promiseLoop(() => {
  const promise = new Promise(keep);
  const place = sequence % places;
  resolvers[place] = keptResolve;
  deadlines[place] = performance.now() + timeoutMs;
  writer.append(request, sequence, payload);
  sequence = (sequence + 1) >>> 0;
  return promise;
}, (reply) => isEcho(payload, reply)));
