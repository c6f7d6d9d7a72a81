import { setTimeout as wait } from 'node:timers/promises';
import { bytesCodec, jsonCodec, type Codec, type RawMessage } from '@rpcxjs/core';
import { msgpack } from '@rpcxjs/codec-msgpack';
import { createServer, type Server, type ServerOptions } from '@rpcxjs/server';
import { tcp } from '@rpcxjs/transport-tcp';
import { Arith, arithHandlers, Events, Notes } from './arith.ts';
import { reversedJson } from './reversed-json.ts';

export const codecs: readonly Codec[] = [msgpack, jsonCodec, bytesCodec, reversedJson];

/** A TypeScript server with the services that the Go server has. */
export interface TypeScriptServer extends AsyncDisposable {
  readonly server: Server;
  /** rpcx form, as bound. */
  readonly address: string;
  /** What one-way calls of Notes.Add said. */
  readonly notes: string[];
  /** The reasons why handlers of Arith.Sleep were told to stop. */
  readonly aborted: string[];
}

export async function startTypeScriptServer(options: ServerOptions = {}, listenOn = 'tcp@127.0.0.1:0'): Promise<TypeScriptServer> {
  const server = createServer({ transports: [tcp()], codecs, ...options });
  const notes: string[] = [];
  const aborted: string[] = [];
  server.register(Arith, {
    ...arithHandlers,
    async Sleep({ Ms, ID }, call) {
      try {
        await wait(Ms, undefined, { signal: call.signal });
      } catch {
        aborted.push(String((call.signal.reason as { reason?: string }).reason));
        // Go's own deadline and this answer race: both say what happened.
        throw call.signal.reason;
      }
      return { ID };
    },
  });
  server.register(Notes, {
    Add: ({ Text: text }) => {
      notes.push(text);
      if (text === 'fail') throw new Error('nobody hears this');
      return { Text: '' };
    },
    List: () => ({ Texts: notes }),
  });
  server.register(Events, {
    async Push({ Count, Metadata }, call) {
      for (let n = 0; n < Count; n++) await call.peer.push(Events.methods.Note, { Text: `push ${n}` }, Metadata);
      return { Count };
    },
    async Drop(_, call) {
      await call.peer.close();
      return { Count: 0 };
    },
  });
  server.handle('Bytes', 'Echo', (message) => reply(message, {}));
  server.handle('Bytes', 'Fail', (message) => reply(message, { error: true, metadata: { __rpcx_error__: 'failed with a payload' } }));
  server.handle('Router', 'BareError', (message) => reply(message, { error: true, payload: new Uint8Array(0) }));
  const [address = ''] = await server.listen(listenOn);
  return { server, address, notes, aborted, [Symbol.asyncDispose]: () => server.close({ graceMs: 1000 }) };
}

function reply(message: RawMessage, changes: Partial<RawMessage>): RawMessage {
  return { ...message, metadata: {}, ...changes };
}
