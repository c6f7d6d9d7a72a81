// A Node server of the tests with many processes: one JSON object as its argument, JSON lines as commands, SIGTERM to drain.
import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { createClient, type Client } from '@rpcxjs/client';
import { msgpack } from '@rpcxjs/codec-msgpack';
import { RpcError, type HandlerCall } from '@rpcxjs/core';
import { createServer, type ServerOptions } from '@rpcxjs/server';
import { tcp } from '@rpcxjs/transport-tcp';
import { Work, type WorkArgs, type WorkBehaviour, type WorkReply, type WorkReport } from './work.ts';
import type { WorkServerSettings } from './work-server.ts';

// What JSON.parse returns is what this package's own harness wrote.
const settings = JSON.parse(process.argv[2] ?? '{}') as WorkServerSettings;
const log = openSync(settings.log, 'a');
const say = (value: unknown): void => { process.stdout.write(`${JSON.stringify(value)}\n`); };

let behaviour: WorkBehaviour = { extraMs: 0, failShare: 0, dieAfter: Infinity };
let executed = 0;
let aborted = 0;
let failures = 0;
const remainingMs: number[] = [];
const accepted: number[] = [];
const clients = new Map<string, Client>();

/** Survives a kill: the system has the bytes when this returns. */
function writeDown(id: number): void {
  executed += 1;
  writeSync(log, `${id}\n`);
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal });
  } catch {
    aborted += 1;
    throw signal.reason; // oxlint-disable-line typescript/only-throw-error -- it is what the server gave
  }
}

async function work({ Id, Ms }: WorkArgs, call: HandlerCall): Promise<WorkReply> {
  writeDown(Id);
  if (--left < 0) process.kill(process.pid, 'SIGKILL');
  failures += behaviour.failShare;
  const ms = Ms + behaviour.extraMs;
  if (ms > 0) await sleep(ms, call.signal);
  if (failures >= 1) {
    failures -= 1;
    throw new RpcError('unavailable', `${settings.name} fails on purpose`);
  }
  return { Id, From: settings.name };
}
let left = Infinity;

const options: ServerOptions = { ...settings.server, transports: [tcp()], codecs: [msgpack], plugins: [{ name: 'door', acceptConnection(connection) { accepted.push(Date.now()); return connection; } }] };
const server = createServer(options);
server.register(Work, {
  Read: work,
  Write: work,
  Spin({ Id, Ms }) {
    for (const until = performance.now() + Ms; performance.now() < until;);
    return { Id, From: settings.name };
  },
  async Chain({ Id, Ms, Next }, call) {
    writeDown(Id);
    remainingMs.push(call.remainingMs() ?? Infinity);
    await sleep(Ms, call.signal);
    const [next, ...others] = Next;
    if (next === undefined) return { Id, From: settings.name };
    let client = clients.get(next);
    if (client === undefined) clients.set(next, (client = createClient({ servers: next, transports: [tcp()], codecs: [msgpack] })));
    return client.service(Work).Chain({ Id, Ms, Next: others });
  },
});

const [address = ''] = await server.listen(settings.address);
const commands = createInterface({ input: process.stdin });
const end = async (graceMs: number): Promise<void> => {
  await server.close({ graceMs });
  await Promise.all([...clients.values()].map((client) => client.close({ graceMs: 0 })));
  // Nothing else may keep the process: that it ends by itself is part of what is tested.
  commands.close();
  process.stdin.destroy();
};
process.once('SIGTERM', () => { void end(settings.graceMs); });
commands.on('close', () => { void end(0); });
commands.on('line', (line) => {
  const command = JSON.parse(line) as { readonly behave?: Partial<WorkBehaviour>; readonly report?: number }; // of work-server.ts
  if (command.behave !== undefined) {
    behaviour = { ...behaviour, ...command.behave };
    failures = 0;
    left = behaviour.dieAfter;
  }
  const report: WorkReport = { executed, aborted, running: server.stats().running, remainingMs, accepted };
  say({ answer: command.report, report });
});
say({ ready: true, address });
