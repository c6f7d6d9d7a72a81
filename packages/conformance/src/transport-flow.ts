import { claim } from './case.ts';
import { drawnBytes } from './drawn-bytes.ts';
import { digestOf, started, turns, writeAll } from './transport-rig.ts';
import type { TransportRule } from './transport-rule.ts';

const mebibyte = 1024 * 1024;

/** What a connection does with bytes while it lives. */
export const flowCases: readonly TransportRule[] = [
  {
    name: 'bytes arrive whole and in order, both ways at once',
    late: 'not all bytes arrived',
    async check(rig) {
      const { client, server } = await rig.pair();
      const [up, down] = await Promise.all([writeAll(client, 2 * mebibyte, 10_007), writeAll(server, mebibyte, 65_536)]);
      await Promise.all([server.sink.until(() => server.sink.bytes >= 2 * mebibyte), client.sink.until(() => client.sink.bytes >= mebibyte)]);
      claim(server.sink.bytes === 2 * mebibyte && server.sink.digest === up, 'what the client wrote did not arrive as it was written; when bufferedBytes is 0 the caller may reuse its buffer');
      claim(client.sink.bytes === mebibyte && client.sink.digest === down, 'what the server wrote did not arrive as it was written; when bufferedBytes is 0 the caller may reuse its buffer');
    },
  },
  {
    name: 'pieces of every size arrive: empty, one byte, and larger than any buffer',
    late: 'not all bytes arrived',
    async check(rig) {
      const { client, server } = await rig.pair();
      let digest = 0;
      let total = 0;
      for (const size of [1, 0, 1, 2, 3, 255, 256, 65_535, 65_536, 65_537, 3 * mebibyte, 0, 1]) {
        const piece = drawnBytes(size, size);
        digest = digestOf(piece, digest);
        total += size;
        const more = client.connection.write(piece);
        claim(typeof more === 'boolean', `write() returned ${String(more)} instead of true or false`);
      }
      await server.sink.until(() => server.sink.bytes >= total);
      claim(server.sink.digest === digest && server.sink.bytes === total, `${server.sink.bytes} bytes arrived instead of ${total}, or in another order`);
    },
  },
  {
    name: 'bytes sent before start() are kept',
    late: 'the bytes that came before start() were not delivered',
    async check(rig) {
      const [dialled, accepted] = await rig.ends();
      const early = drawnBytes(5000, 1);
      for (const side of [dialled, accepted]) side.write(early);
      await turns();
      for (const side of [started(dialled), started(accepted)]) {
        await side.sink.until(() => side.sink.bytes >= early.length);
        claim(side.sink.digest === digestOf(early), 'the bytes that came before start() were delivered changed or twice');
      }
    },
  },
  {
    name: 'bytes and the end that came before start() are kept, in this order',
    late: 'the end that came before start() was not reported',
    async check(rig) {
      const [client, server] = await rig.ends();
      client.write(drawnBytes(1000, 2));
      void client.close();
      await turns();
      const side = started(server);
      await side.sink.until(() => side.sink.closes > 0);
      claim(side.sink.bytes === 1000, `${side.sink.bytes} of 1000 bytes came before the end`);
      claim(side.sink.reason === undefined, `a clean end was reported as ${String(side.sink.reason)}`);
    },
  },
  {
    name: 'a reader that has not started holds the writer back, on either side',
    late: 'not all that was written before start() arrived after it',
    long: true,
    async check(rig) {
      const [dialled, accepted] = await rig.ends();
      for (const [writer, reader] of [[dialled, accepted], [accepted, dialled]] as const) {
        const chunk = drawnBytes(64 * 1024, 4);
        let sent = 0;
        let idle = 0;
        // Written without a sink of its own, so drain() cannot be heard: bytes that stay buffered for ten turns are stuck.
        while (idle < 10) {
          if (writer.bufferedBytes === 0) {
            writer.write(chunk);
            sent += chunk.length;
            idle = 0;
          } else {
            await turns(1);
            idle++;
          }
          claim(sent <= 32 * mebibyte, `${sent} bytes were taken for a reader that has not started; they pile up somewhere`);
          if (sent % mebibyte === 0) await turns(1);
        }
        const side = started(reader);
        await side.sink.until(() => side.sink.bytes >= sent);
      }
    },
  },
  {
    name: 'pause() stops delivery, also from inside data(), and resume() goes on without a loss',
    late: 'delivery did not go on after resume()',
    async check(rig) {
      const { client, server } = await rig.pair();
      let paused = false;
      let whilePaused = 0;
      server.sink.onData = () => {
        if (paused) whilePaused++;
        paused = true;
        server.connection.pause();
      };
      const total = 4 * mebibyte;
      const written = writeAll(client, total);
      // A claim below may throw before `written` is awaited: its rejection must not be unhandled.
      written.catch(() => {});
      for (let round = 0; round < 8; round++) {
        await server.sink.until(() => paused || server.sink.bytes >= total);
        await turns(2);
        claim(whilePaused === 0, `data() was called ${whilePaused} times while paused`);
        if (round === 7) server.sink.onData = undefined;
        paused = false;
        server.connection.resume();
      }
      const digest = await written;
      await server.sink.until(() => server.sink.bytes >= total);
      claim(server.sink.bytes === total && server.sink.digest === digest, 'bytes were lost, doubled or moved by pausing');
    },
  },
  {
    name: 'data() that pauses and resumes is given one chunk after the other',
    late: 'delivery did not go on after resume()',
    async check(rig) {
      const { client, server } = await rig.pair();
      const total = mebibyte;
      let inside = 0;
      let nested = 0;
      // What still arrives after the pause has to be kept by the connection, and delivered later.
      server.sink.onData = () => server.connection.pause();
      const written = writeAll(client, total, 10_007);
      // A claim below may throw before `written` is awaited: its rejection must not be unhandled.
      written.catch(() => {});
      await server.sink.until(() => server.sink.bytes > 0);
      await turns(2);
      server.sink.onData = () => {
        if (inside++ > 0) nested++;
        server.connection.pause();
        server.connection.resume();
        inside--;
      };
      server.connection.resume();
      const digest = await written;
      await server.sink.until(() => server.sink.bytes >= total);
      claim(nested === 0, `data() was called ${nested} times by a resume() from inside data(), before that had returned: what it had not read yet comes too late`);
      claim(server.sink.bytes === total && server.sink.digest === digest, 'bytes were lost, doubled or moved by pausing');
    },
  },
  {
    name: '64 MiB against a paused reader: the writer is told to wait, and all arrives once the reader goes on',
    late: 'after resume() not all of the 64 MiB arrived, or drain() was never called',
    long: true,
    straight: true,
    async check(rig) {
      const { client, server } = await rig.pair();
      server.connection.pause();
      const chunk = drawnBytes(64 * 1024, 3);
      const limit = 16 * mebibyte;
      let sent = 0;
      let digest = 0;
      for (let more = true; more; ) {
        more = client.connection.write(chunk);
        digest = digestOf(chunk, digest);
        sent += chunk.length;
        // A turn, so that a system with a large buffer takes what it can.
        if (!more) {
          const drains = client.sink.drains;
          await turns(10);
          more = client.sink.drains > drains;
        }
        claim(sent <= limit, `${sent} bytes were taken for a reader that is paused; write() must return false so that memory stays flat`);
      }
      claim(client.connection.bufferedBytes > 0, 'write() returned false, yet bufferedBytes is 0');
      claim(server.sink.bytes === 0, `${server.sink.bytes} bytes were delivered to a paused reader`);
      const drains = client.sink.drains;
      server.connection.resume();
      await client.sink.until(() => client.sink.drains > drains);
      for (; sent < 64 * mebibyte; sent += chunk.length) {
        const before = client.sink.drains;
        const more = client.connection.write(chunk);
        digest = digestOf(chunk, digest);
        if (!more) await client.sink.until(() => client.sink.drains > before);
      }
      await server.sink.until(() => server.sink.bytes >= sent);
      claim(server.sink.bytes === sent && server.sink.digest === digest, 'the 64 MiB did not arrive as they were written');
    },
  },
  {
    name: 'bufferedBytes comes down to 0 when everything is on its way',
    late: 'bufferedBytes never came down to 0',
    async check(rig) {
      const { client, server } = await rig.pair();
      claim(client.connection.bufferedBytes === 0, `bufferedBytes is ${client.connection.bufferedBytes} before anything was written`);
      client.connection.write(new Uint8Array(8 * mebibyte));
      await server.sink.until(() => server.sink.bytes >= 8 * mebibyte);
      for (let round = 0; client.connection.bufferedBytes !== 0 && round < 60; round++) await turns(1);
      claim(client.connection.bufferedBytes === 0, `everything arrived, yet bufferedBytes is ${client.connection.bufferedBytes}`);
    },
  },
  {
    name: 'twenty connections at once keep their bytes apart',
    late: 'not all connections got their bytes',
    async check(rig) {
      const listener = await rig.listen();
      const pairs = [];
      for (let index = 0; index < 20; index++) pairs.push(await rig.pair(listener));
      for (let round = 0; round < 5; round++) {
        for (const [index, { client, server }] of pairs.entries()) {
          client.connection.write(drawnBytes(1000 + index, index));
          server.connection.write(drawnBytes(2000 + index, 100 + index));
        }
      }
      for (const [index, { client, server }] of pairs.entries()) {
        for (const [side, bytes] of [[server, drawnBytes(1000 + index, index)], [client, drawnBytes(2000 + index, 100 + index)]] as const) {
          let digest = 0;
          for (let round = 0; round < 5; round++) digest = digestOf(bytes, digest);
          await side.sink.until(() => side.sink.bytes >= bytes.length * 5);
          claim(side.sink.digest === digest, `connection ${index + 1} of 20 got bytes that are not its own`);
        }
      }
    },
  },
  {
    name: 'says who is at both ends',
    late: 'no connection came about',
    async check(rig) {
      const [client, server] = await rig.ends();
      for (const address of [client.local, client.remote, server.local, server.remote]) {
        claim(address === undefined || rig.dialer.networks.includes(address.network), `an end says network ${String(address?.network)}, which is none of ${rig.dialer.networks.join(', ')}`);
        claim(address === undefined || address.host !== '', 'an end has an empty host; say undefined where it is not known');
      }
      claim(server.certificate === undefined || server.certificate.fingerprint256 !== '', 'a certificate without a fingerprint');
    },
  },
];
