import { claim } from './case.ts';
import { drawnBytes } from './drawn-bytes.ts';
import { digestOf, started, turns } from './transport-rig.ts';
import type { Side, TransportRig } from './transport-rig.ts';
import type { TransportRule } from './transport-rule.ts';

function endedOnce(side: Side, who: string): void {
  claim(side.sink.closes === 1, `closed() was called ${side.sink.closes} times on the ${who}; it is the last word and said once`);
  claim(side.sink.afterClosed === 0, `${side.sink.afterClosed} calls came after closed() on the ${who}`);
}

async function bothClosed(client: Side, server: Side): Promise<void> {
  await Promise.all([client.sink.until(() => client.sink.closes > 0), server.sink.until(() => server.sink.closes > 0)]);
  await turns();
  endedOnce(client, 'client');
  endedOnce(server, 'server');
}

/** As `bothClosed`, for a side that aborts; the other one is waited for only where it hears of that. */
async function abortSeen(rig: TransportRig, by: Side, other: Side): Promise<void> {
  if (rig.abortIsHeard) await bothClosed(by, other);
  await by.sink.until(() => by.sink.closes > 0);
  await turns();
  endedOnce(by, 'aborting side');
}

/** How a connection comes to its end. */
export const endCases: readonly TransportRule[] = [
  {
    name: 'close() flushes, then both sides see a clean end',
    late: 'the end did not arrive on both sides',
    async check(rig) {
      const { client, server } = await rig.pair();
      const last = drawnBytes(5_000_000, 1);
      client.connection.write(last);
      await client.connection.close();
      await bothClosed(client, server);
      claim(server.sink.bytes === last.length && server.sink.digest === digestOf(last), `${server.sink.bytes} of ${last.length} bytes arrived before the end; close() must flush`);
      claim(server.sink.reason === undefined, `the other side was told ${String(server.sink.reason)} instead of a clean end`);
      claim(client.sink.reason === undefined, `the closing side was told ${String(client.sink.reason)} instead of a clean end`);
    },
  },
  {
    name: 'close() by the accepting side is a clean end too',
    late: 'the end did not arrive on both sides',
    async check(rig) {
      const { client, server } = await rig.pair();
      server.connection.write(Uint8Array.of(1, 2, 3));
      await server.connection.close();
      await bothClosed(client, server);
      claim(client.sink.bytes === 3 && client.sink.reason === undefined, `the dialling side got ${client.sink.bytes} of 3 bytes and was told ${String(client.sink.reason)}`);
    },
  },
  {
    name: 'close() twice, and on both sides at once, is one close',
    late: 'a close() did not settle',
    async check(rig) {
      const { client, server } = await rig.pair();
      await Promise.all([client.connection.close(), server.connection.close(), client.connection.close()]);
      await client.connection.close();
      await bothClosed(client, server);
      client.connection.abort();
      await turns();
      endedOnce(client, 'client');
    },
  },
  {
    name: 'close() before the first use settles',
    late: 'close() before start() did not settle',
    async check(rig) {
      const [client, server] = await rig.ends();
      const other = started(server);
      await client.close();
      await other.sink.until(() => other.sink.closes > 0);
      const late = started(client);
      await late.sink.until(() => late.sink.closes > 0);
      endedOnce(late, 'side that was closed before start()');
    },
  },
  {
    name: 'close() does not wait for ever for a paused reader that has ended too',
    late: 'close() did not settle although both sides closed',
    async check(rig) {
      const { client, server } = await rig.pair();
      client.connection.pause();
      server.connection.write(drawnBytes(1000, 2));
      await Promise.all([server.connection.close(), client.connection.close()]);
      await bothClosed(client, server);
    },
  },
  {
    name: 'abort(reason) reports the reason locally, and the other side hears of it',
    late: 'an abort() was not reported on both sides',
    async check(rig) {
      const { client, server } = await rig.pair();
      const reason = new Error('planted by the conformance kit');
      client.connection.abort(reason);
      await abortSeen(rig, client, server);
      claim(client.sink.reason === reason, `abort(reason) reported ${String(client.sink.reason)} instead of its reason`);
    },
  },
  {
    name: 'abort() without a reason reports an error of its own',
    late: 'an abort() was not reported on both sides',
    async check(rig) {
      const { client, server } = await rig.pair();
      server.connection.abort();
      server.connection.abort(new Error('too late'));
      await abortSeen(rig, server, client);
      claim(server.sink.reason instanceof Error && server.sink.reason.message !== 'too late', `abort() reported ${String(server.sink.reason)}; undefined would be a clean end, and only the first abort counts`);
    },
  },
  {
    name: 'the other side can tell an abort from a clean end',
    late: 'an abort() was not reported on the other side',
    needs: ['abortIsHeard', 'abortIsError'],
    async check(rig) {
      const { client, server } = await rig.pair();
      client.connection.abort(new Error('planted by the conformance kit'));
      await bothClosed(client, server);
      claim(server.sink.reason instanceof Error, 'the other side of an abort was told of a clean end; say supports.abortIsError: false if the medium cannot do better');
    },
  },
  {
    name: 'abort() ends now, whatever is queued or paused',
    late: 'abort() was not reported while bytes were queued',
    async check(rig) {
      const { client, server } = await rig.pair();
      server.connection.pause();
      client.connection.pause();
      for (let round = 0; round < 200 && client.connection.write(new Uint8Array(256 * 1024)); round++);
      const closing = client.connection.close();
      client.connection.abort(new Error('enough'));
      await client.sink.until(() => client.sink.closes > 0);
      await closing;
      claim(client.connection.bufferedBytes === 0, `after abort() bufferedBytes is ${client.connection.bufferedBytes}`);
      endedOnce(client, 'aborting side');
    },
  },
  {
    name: 'abort() from inside data() is the last that the sink hears',
    late: 'abort() from inside data() was not reported',
    async check(rig) {
      const { client, server } = await rig.pair();
      let calls = 0;
      server.sink.onData = () => {
        calls++;
        server.connection.abort(new Error('enough'));
      };
      for (let round = 0; round < 50; round++) client.connection.write(drawnBytes(10_000, round));
      await abortSeen(rig, server, client);
      claim(calls === 1, `data() was called ${calls - 1} times after abort()`);
    },
  },
  {
    name: 'write(), pause(), resume() and close() after the end do nothing',
    late: 'close() after the end did not settle',
    async check(rig) {
      const { client, server } = await rig.pair();
      await server.connection.close();
      await client.sink.until(() => client.sink.closes > 0);
      for (const side of [client, server]) {
        for (let round = 0; round < 3; round++) {
          const answer = side.connection.write(drawnBytes(100_000, round));
          claim(typeof answer === 'boolean', `write() after the end returned ${String(answer)}`);
        }
        side.connection.pause();
        side.connection.resume();
      }
      await turns();
      await Promise.all([client.connection.close(), server.connection.close()]);
      claim(client.connection.bufferedBytes === 0, `what was written after the end is counted: bufferedBytes is ${client.connection.bufferedBytes}`);
      endedOnce(client, 'client');
      endedOnce(server, 'server');
    },
  },
];
