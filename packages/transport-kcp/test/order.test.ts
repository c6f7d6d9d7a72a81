import { closeAfterEach, Heard, pair, until } from '@rpcxjs/transport-sides';
import { describe, expect, it } from 'vitest';
import { kcp } from '../src/index.ts';
import { sealed, segmentOf, stubListener } from './stub-listener.ts';

closeAfterEach();

describe('the reader', () => {
  it('that pauses and resumes from within data() gets everything in order', () => {
    const { accepted, receive } = stubListener();
    const say = (sequence: number, text: string): Buffer => segmentOf({ conversation: 7, sequence, payload: Buffer.from(text) });
    receive(sealed(say(0, 'a')));
    const connection = accepted[0]!;
    const heard = new Heard();
    heard.onData = () => {
      connection.pause();
      connection.resume();
    };
    connection.start(heard);
    // 3 waits for 1; one datagram brings 1 and 2.
    receive(sealed(say(3, 'd')));
    receive(sealed(Buffer.concat([say(1, 'b'), say(2, 'c').subarray(8)])));
    expect(heard.text).toBe('abcd');
  });

  it('that pauses within data() gets the rest of the same datagram after resume()', () => {
    const { accepted, receive } = stubListener();
    const say = (sequence: number, text: string): Buffer => segmentOf({ conversation: 7, sequence, payload: Buffer.from(text) });
    receive(sealed(say(4, 'never: it is the window\'s')));
    receive(sealed(say(0, 'a')));
    const connection = accepted[0]!;
    const heard = new Heard();
    heard.onData = () => connection.pause();
    connection.start(heard);
    receive(sealed(Buffer.concat([say(1, 'b'), say(2, 'c').subarray(8), say(3, 'd').subarray(8)])));
    expect(heard.text).toBe('a');
    for (const expected of ['ab', 'abc', 'abcd']) {
      connection.resume();
      expect(heard.text).toBe(expected);
    }
  });

  it('that aborts within data() hears nothing more, and the other side hears of it', async () => {
    const { server, serverHeard, client, clientHeard } = await pair(kcp());
    serverHeard.onData = () => server.abort();
    client.write(Buffer.alloc(100_000));
    await until(() => clientHeard.closes.length === 1);
    expect(serverHeard.bytes.length).toBeLessThan(1400);
    expect(clientHeard.closes[0]).toMatchObject({ reason: 'CONNECTION_LOST' });
  });

  it('holds the writer back: what is under way and queued stays below the windows and the mark', async () => {
    const { server, client } = await pair(kcp({ sendWindow: 64, receiveWindow: 16 }));
    server.pause();
    let written = 0;
    for (let round = 0; round < 50; round++) {
      for (let more = true; more; written += 10_000) more = client.write(Buffer.alloc(10_000));
      await new Promise((resolve) => { setTimeout(resolve, 2); });
      if (client.bufferedBytes > 64 * 1348) break;
    }
    expect(written).toBeLessThan(4 * 64 * 1348);
  });
});
