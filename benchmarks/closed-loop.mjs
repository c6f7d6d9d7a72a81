// The driver inside every client process written in JavaScript: keeps a fixed number of calls in flight and reports calls/s and latencies.
// One job a line comes in on stdin, one result a line goes out on stdout (the protocol is in README.md).
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

/** `--address`, `--payload`, `--codec` and whatever else a peer understands, as given by the bench. */
export function peerOptions() {
  const option = (value) => ({ type: 'string', default: value });
  return parseArgs({
    options: {
      address: option('127.0.0.1:0'), payload: option('message'), codec: option('raw'), flush: option('16384'), services: option('1'),
      listeners: option('1'), client: option('default'), transport: option('tcp'),
    },
  }).values;
}

/** One line of JSON for the bench. */
export function report(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

class Measurement {
  calls = 0;
  warmupCalls = 0;
  errors = 0;
  firstError = undefined;
  running = true;
  /** Every n-th call of a slot is timed: reading the clock for each would cost the fastest candidates most. */
  sampleMask = 0;
  #latencies = new Float64Array(1 << 17);
  #samples = 0;

  constructor(inFlight) {
    this.sampleMask = inFlight < 16 ? 0 : 7;
  }

  sampled(start) {
    if (this.#samples < this.#latencies.length) this.#latencies[this.#samples++] = performance.now() - start;
  }

  failed(error) {
    this.errors++;
    this.firstError ??= String(error?.stack ?? error);
  }

  restart() {
    this.warmupCalls = this.calls;
    this.calls = 0;
    this.#samples = 0;
  }

  latency(share) {
    const sorted = this.#latencies.subarray(0, this.#samples).sort();
    return sorted[Math.floor(sorted.length * share)] ?? 0;
  }
}

/** What a call counts as when its reply is not what the server sends. */
export const wrongReply = new Error('the reply is not the one that the server sends');

const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Warm-up, then the timed window; `finished` resolves when the last call is back. */
async function measure(measurement, job, finished) {
  await wait(job.warmupSeconds);
  measurement.restart();
  const cpu = process.cpuUsage();
  const start = performance.now();
  await wait(job.seconds);
  const elapsed = (performance.now() - start) / 1000;
  const calls = measurement.calls;
  const spent = process.cpuUsage(cpu);
  measurement.running = false;
  await finished;
  return {
    callsPerSecond: calls / elapsed,
    p50: measurement.latency(0.5),
    p99: measurement.latency(0.99),
    totalCalls: measurement.calls + measurement.warmupCalls,
    errors: measurement.errors,
    firstError: measurement.firstError,
    cpu: (spent.user + spent.system) / 1e6 / elapsed,
  };
}

async function worker(measurement, { call, isRight }, slot) {
  let count = slot;
  while (measurement.running) {
    try {
      let reply;
      if ((count++ & measurement.sampleMask) === 0) {
        const start = performance.now();
        reply = await call();
        measurement.sampled(start);
      } else {
        reply = await call();
      }
      if (!isRight(reply)) measurement.failed(wrongReply);
    } catch (error) {
      measurement.failed(error);
    }
    measurement.calls++;
  }
}

/** For peers whose calls return promises: what users write, one `await` a call, and a look at the reply. */
export function promiseLoop(call, isRight) {
  return (job) => {
    const measurement = new Measurement(job.inFlight);
    const workers = Array.from({ length: job.inFlight }, (_, slot) => worker(measurement, { call, isRight }, slot));
    return measure(measurement, job, Promise.all(workers));
  };
}

/** For peers with callbacks: `send(slot, done)` starts one call and must call `done(error?)` later, never at once. */
export function callbackLoop(send) {
  return (job) => {
    const measurement = new Measurement(job.inFlight);
    let open = job.inFlight;
    let allDone;
    const finished = new Promise((resolve) => (allDone = resolve));
    const startSlot = (slot) => {
      let count = slot;
      let start = -1;
      const next = () => {
        start = (count++ & measurement.sampleMask) === 0 ? performance.now() : -1;
        send(slot, done);
      };
      const done = (error) => {
        if (error) measurement.failed(error);
        if (start >= 0) measurement.sampled(start);
        measurement.calls++;
        if (measurement.running) next();
        else if (--open === 0) allDone();
      };
      next();
    };
    for (let slot = 0; slot < job.inFlight; slot++) startSlot(slot);
    return measure(measurement, job, finished);
  };
}

/** Runs the jobs that come in, one after the other, until the bench closes our input. */
export async function serveJobs(drive) {
  for await (const line of createInterface({ input: process.stdin })) report(line === 'memory' ? memory() : await drive(JSON.parse(line)));
  process.exit(0);
}

/** Tells the bench that a server is up; it stays until the bench closes our input, and answers each line with its memory. */
export async function serveUntilInputEnds(address) {
  report({ ready: address });
  for await (const _line of createInterface({ input: process.stdin })) report(memory());
  process.exit(0);
}

/** Memory, processor time and timers of this process; collected garbage is gone first when the bench started it with `--expose-gc`. */
function memory() {
  globalThis.gc?.();
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return { rss, heapUsed, arrayBuffers, cpuSeconds: (user + system) / 1e6, timers: globalThis.liveTimers?.() };
}
