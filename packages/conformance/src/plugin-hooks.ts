import type { ClientPlugin, Connection, Peer, Picker, ServerPlugin, ServiceInstance } from '@rpcxjs/core';
import { claim } from './case.ts';
import { same, show } from './compare.ts';
import type { PluginRule } from './plugin-rule.ts';
import { rigRuntime } from './transport-rig.ts';

type Hooks = Pick<ServerPlugin & ClientPlugin, 'name' | 'start' | 'stop' | 'connectionClosed' | 'frameRead' | 'frameWritten'>;

/** Of a unix socket, say: without addresses, and nothing ever comes over it. */
const bare: Connection = { local: undefined, remote: undefined, bufferedBytes: 0, start() {}, write: () => true, pause() {}, resume() {}, close: async () => {}, abort() {} };

function quietly(hook: string, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    claim(false, `${hook} threw ${show(error)}; what it learns may be empty or unknown`);
  }
}

/** What is asked of hooks one by one; a plugin that lacks one passes. */
export const hookCases: readonly PluginRule<Hooks>[] = [
  {
    name: 'it has a name',
    late: 'unreachable',
    check({ plugin }) {
      claim(typeof plugin.name === 'string' && plugin.name !== '', `its name is ${show(plugin.name)}; logs and errors show it`);
    },
  },
  {
    name: 'stop() settles before a start(), and twice, and it starts again after',
    late: 'start() or stop() did not settle',
    async check({ plugin }) {
      await plugin.stop?.();
      await plugin.start?.(rigRuntime);
      await plugin.stop?.();
      await plugin.stop?.();
      await plugin.start?.(rigRuntime);
      await plugin.stop?.();
    },
  },
  {
    name: 'observers take whatever a peer sends',
    late: 'unreachable',
    async check({ plugin }) {
      await plugin.start?.(rigRuntime);
      for (const frame of [{ service: '', method: '', bytes: 28 }, { service: '__proto__', method: 'toString', bytes: 0 }, { service: 'x'.repeat(70_000), method: '\u0000', bytes: 2 ** 24 }]) {
        quietly('frameRead', () => plugin.frameRead?.(frame));
        quietly('frameWritten', () => plugin.frameWritten?.(frame));
      }
      quietly('connectionClosed', () => plugin.connectionClosed?.(bare, undefined));
      quietly('connectionClosed', () => plugin.connectionClosed?.(bare, new Error('reset')));
      await plugin.stop?.();
    },
  },
  {
    name: 'two of the same kind work side by side',
    late: 'a call was not answered',
    async check({ plugin, create, start }) {
      const rig = await start([plugin, create()]);
      const answer = await rig.call('Echo', { a: 1 });
      claim(same(answer, { a: 1 }), `{ a: 1 } came back as ${show(answer)}`);
    },
  },
];

export const serverHookCases: readonly PluginRule<ServerPlugin>[] = [
  {
    name: 'acceptConnection answers for a peer without an address, with a connection or undefined, and does not start it',
    late: 'acceptConnection did not settle',
    async check({ plugin }) {
      await plugin.start?.(rigRuntime);
      let started = false;
      const connection: Connection = { ...bare, start: () => void (started = true) };
      const accepted: unknown = plugin.acceptConnection === undefined ? connection : await plugin.acceptConnection(connection);
      await plugin.stop?.();
      const usable = accepted === undefined || (typeof accepted === 'object' && accepted !== null && typeof (accepted as Connection).write === 'function');
      claim(usable, `acceptConnection returned ${show(accepted)}: a connection to use, or undefined to refuse it`);
      claim(!started, 'acceptConnection started the connection, which the server does');
    },
  },
  {
    name: 'it learns of services and heartbeats without complaint',
    late: 'serviceRegistered or serviceUnregistered did not settle',
    async check({ plugin }) {
      await plugin.start?.(rigRuntime);
      const service = { name: 'Some', methods: ['A', 'B'] };
      await plugin.serviceRegistered?.(service);
      await plugin.serviceRegistered?.(service);
      await plugin.serviceUnregistered?.(service);
      await plugin.serviceUnregistered?.({ name: 'Never seen', methods: [] });
      const peer: Partial<Peer> = { id: '1', remote: undefined, certificate: undefined, capabilities: new Set() };
      quietly('heartbeat', () => plugin.heartbeat?.(peer as Peer)); // who only counts looks at no more
      await plugin.stop?.();
    },
  },
];

const instances: readonly ServiceInstance[] = ['tcp@192.0.2.1:1', 'tcp@192.0.2.2:1'].map((address) => ({ address, metadata: {} }));
const info = { service: 'S', method: 'M', input: undefined, metadata: {}, hashKey: undefined, avoid: undefined };

export const clientHookCases: readonly PluginRule<ClientPlugin>[] = [
  {
    name: 'a wrapped picker chooses from the list, and tells the one within how it went, once',
    late: 'unreachable',
    check({ plugin }) {
      if (plugin.wrapPicker === undefined) return;
      let told = 0;
      const picker: Picker = { pick: () => ({ instance: instances[1] as ServiceInstance, done: () => void (told += 1) }) }; // there are two
      const pick = plugin.wrapPicker(picker, instances).pick(info);
      claim(pick === undefined || instances.some(({ address }) => address === pick.instance.address), `it chose ${show(pick?.instance)}, which is not in the list`);
      pick?.done?.({ error: undefined, durationMs: 1 });
      claim(pick === undefined || pick.instance !== instances[1] || told === 1, `the picker within was told ${told} times how its choice went`);
    },
  },
  {
    name: 'a wrapped picker gives a call another server than those it has used up',
    late: 'unreachable',
    needs: 'avoids',
    check({ plugin }) {
      if (plugin.wrapPicker === undefined) return;
      const picker: Picker = { pick: ({ avoid }) => ({ instance: instances.find(({ address }) => avoid?.has(address) !== true) ?? (instances[0] as ServiceInstance) }) }; // there are two
      const wrapped = plugin.wrapPicker(picker, instances);
      for (const { address } of instances) {
        const again = wrapped.pick({ ...info, avoid: new Set([address]) })?.instance.address;
        claim(again !== address, `an attempt at ${address} failed, and the next one goes there again; ask the picker within with all that it was asked itself, \`avoid\` included`);
      }
    },
  },
  {
    name: 'a wrapped picker copes with an empty list and with one that chooses nobody',
    late: 'unreachable',
    check({ plugin }) {
      if (plugin.wrapPicker === undefined) return;
      quietly('the wrapped picker', () => plugin.wrapPicker?.({ pick: () => undefined }, []).pick(info));
    },
  },
  {
    name: 'connectionOpened passes a connection on without starting it, and connectionFailed only looks',
    late: 'connectionOpened did not settle',
    async check({ plugin }) {
      await plugin.start?.(rigRuntime);
      let started = false;
      const connection: Connection = { ...bare, start: () => void (started = true) };
      const opened: unknown = plugin.connectionOpened === undefined ? connection : await plugin.connectionOpened(connection);
      quietly('connectionFailed', () => plugin.connectionFailed?.('tcp@nobody:1', new Error('refused')));
      await plugin.stop?.();
      claim(typeof opened === 'object' && opened !== null && typeof (opened as Connection).write === 'function', `connectionOpened returned ${show(opened)} instead of a connection; throw to refuse one`);
      claim(!started, 'connectionOpened started the connection, which the client does');
    },
  },
];
