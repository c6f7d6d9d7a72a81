import { RpcError } from '@rpcxjs/core';
import type { Connection } from '@rpcxjs/core';
import { claim } from './case.ts';
import { drawnBytes } from './drawn-bytes.ts';
import { nothingLeft, openResources } from './open-resources.ts';
import { digestOf, started, turns } from './transport-rig.ts';
import type { TransportRig } from './transport-rig.ts';
import type { TransportRule } from './transport-rule.ts';

async function failure(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Ever later: microtasks first, then milliseconds. */
async function moment(index: number): Promise<void> {
  for (let task = 0; task < Math.min(index, 8); task++) await Promise.resolve();
  if (index > 8) await turns(index - 8);
}

async function usable(rig: TransportRig, client: Connection): Promise<void> {
  const bytes = drawnBytes(100, 1);
  client.write(bytes);
  for (;;) {
    const server = started(await rig.accepted());
    await server.sink.until(() => server.sink.bytes >= bytes.length || server.sink.closes > 0);
    // A listener may look first whether somebody listens already; such a visitor leaves without a byte.
    if (server.sink.bytes === 0) continue;
    claim(server.sink.digest === digestOf(bytes), 'the connection carries other bytes than were written');
    return;
  }
}

/** How connections come about. */
export const dialCases: readonly TransportRule[] = [
  {
    name: 'names its networks',
    late: 'it did not answer',
    async check(rig) {
      const { networks } = rig.dialer;
      claim(networks.length > 0 && networks.every((network) => /^[a-z][a-z0-9+.-]*$/.test(network)), `its networks are [${networks.join(', ')}]; each is the part of an address before @, in small letters`);
    },
  },
  {
    name: 'listens where it was told and says what the address became',
    late: 'listen(), dial() or close() did not settle',
    async check(rig) {
      const listener = await rig.listen();
      claim(rig.dialer.networks.includes(listener.address.network), `the listener's network is ${listener.address.network}, which is none of ${rig.dialer.networks.join(', ')}`);
      await usable(rig, await rig.dial(listener.address));
    },
  },
  {
    name: 'takes no connection after the listener closed, and leaves those that it took alone',
    late: 'close() of the listener did not settle while a connection was open',
    straight: true,
    async check(rig) {
      const listener = await rig.listen();
      const { client, server } = await rig.pair(listener);
      await listener.close();
      await listener.close();
      client.connection.write(drawnBytes(1000, 1));
      await server.sink.until(() => server.sink.bytes >= 1000);
      claim(client.sink.closes === 0 && server.sink.closes === 0, 'closing the listener ended a connection that it had taken');
      const error = await failure(() => rig.dial(listener.address));
      claim(error !== undefined, 'a dial was taken after the listener closed');
      const again = await rig.listen(listener.address);
      await usable(rig, await rig.dial(again.address));
    },
  },
  {
    name: 'a dial to nobody fails as CONNECT_FAILED with nothing sent and the address in it',
    late: 'the dial did not settle',
    straight: true,
    async check(rig) {
      const listener = await rig.listen();
      await listener.close();
      const error = await failure(() => rig.dial(listener.address));
      claim(RpcError.is(error), `it rejected with ${String(error)} instead of an RpcError`);
      claim(error.code === 'unavailable' && error.reason === 'CONNECT_FAILED', `it rejected with ${error.code} and ${String(error.reason)} instead of unavailable and CONNECT_FAILED`);
      claim(!error.sent, 'its error says that something may have been sent; sent must be false, so that trying elsewhere is safe');
      claim(error.address?.includes(listener.address.host) === true || error.message.includes(listener.address.host), `neither the message nor the address says where: ${error.message}`);
    },
  },
  {
    name: 'a second listener on the same address is refused',
    late: 'the second listen() did not settle',
    straight: true,
    needs: 'exclusiveListen',
    async check(rig) {
      const listener = await rig.listen();
      const error = await failure(() => rig.listen(listener.address));
      claim(RpcError.is(error), `it gave ${error === undefined ? 'a second listener' : String(error)} instead of an RpcError`);
      await usable(rig, await rig.dial(listener.address));
    },
  },
  {
    name: 'a dial with an aborted signal rejects with its reason and connects nothing',
    late: 'the dial did not settle',
    async check(rig) {
      const listener = await rig.listen();
      const reason = new Error('planted by the conformance kit');
      const error = await failure(() => rig.dialer.dial(listener.address, { runtime: rig.runtime, signal: AbortSignal.abort(reason) }));
      claim(error === reason, `it gave ${error === undefined ? 'a connection' : String(error)} instead of the signal's reason`);
      await turns();
      claim(rig.acceptedCount === 0, 'a connection was made although the signal had aborted before the dial');
    },
  },
  {
    name: 'a dial that is aborted on the way rejects with the reason, and nothing stays connected',
    late: 'the dial did not settle, or the accepted side never ended',
    async check(rig) {
      const listener = await rig.listen();
      const controller = new AbortController();
      const reason = new Error('planted by the conformance kit');
      const dialling = failure(async () => rig.keep(await rig.dialer.dial(listener.address, { runtime: rig.runtime, signal: controller.signal })));
      controller.abort(reason);
      const error = await dialling;
      claim(error === reason, `it gave ${error === undefined ? 'a connection' : String(error)} instead of the signal's reason`);
      await turns();
      if (rig.acceptedCount === 0 || !rig.abortIsHeard) return;
      const side = started(await rig.accepted());
      await side.sink.until(() => side.sink.closes > 0);
    },
  },
  {
    name: 'dials that are aborted at every moment of their way leave nothing open',
    late: 'a dial that was aborted on its way did not settle, or its accepted side never ended',
    straight: true,
    async check(rig) {
      const listener = await rig.listen();
      const before = openResources(rig.clock);
      for (let round = 0; round < 16; round++) {
        const controller = new AbortController();
        const reason = new Error('planted by the conformance kit');
        const outcome = rig.dialer.dial(listener.address, { runtime: rig.runtime, signal: controller.signal }).then(
          (connection) => {
            rig.keep(connection);
            return connection;
          },
          (error: unknown) => claim(error === reason, `it rejected with ${String(error)} instead of the signal's reason`),
        );
        await moment(round);
        controller.abort(reason);
        (await outcome)?.abort();
      }
      await turns();
      for (let taken = 0; taken < rig.acceptedCount; taken++) {
        const side = started(await rig.accepted());
        await side.sink.until(() => side.sink.closes > 0);
      }
      await nothingLeft(rig.clock, before, 'the aborted dials');
    },
  },
  {
    name: 'a signal that aborts after the dial leaves the connection alone',
    late: 'the connection did not carry bytes after the signal of its dial aborted',
    async check(rig) {
      const listener = await rig.listen();
      const controller = new AbortController();
      const connection = await rig.dialer.dial(listener.address, { runtime: rig.runtime, signal: controller.signal });
      rig.keep(connection);
      const side = started(connection);
      controller.abort(new Error('planted by the conformance kit'));
      await turns();
      claim(side.sink.closes === 0, `the connection ended with ${String(side.sink.reason)} when the signal of its finished dial aborted`);
      await usable(rig, connection);
    },
  },
  {
    name: 'a listen with an aborted signal rejects with its reason',
    late: 'the listen did not settle',
    async check(rig) {
      const reason = new Error('planted by the conformance kit');
      const error = await failure(() => rig.listenWith({ runtime: rig.runtime, signal: AbortSignal.abort(reason), accept() {} }));
      claim(error === reason, `it gave ${error === undefined ? 'a listener' : String(error)} instead of the signal's reason`);
    },
  },
  {
    name: 'a thousand connections, opened and closed, leave nothing open',
    late: 'a thousand connections took too long, or one close() did not settle',
    straight: true,
    long: true,
    needs: 'manyConnections',
    async check(rig) {
      const listener = await rig.listen();
      const before = openResources(rig.clock);
      for (let round = 0; round < 1000; round++) {
        const { client, server } = await rig.pair(listener);
        client.connection.write(Uint8Array.of(round));
        if (round % 3 === 0) client.connection.abort();
        else await Promise.all([client.connection.close(), server.connection.close()]);
        if (round % 3 === 0) await server.sink.until(() => server.sink.closes > 0);
      }
      await nothingLeft(rig.clock, before, 'the thousand connections');
    },
  },
];
