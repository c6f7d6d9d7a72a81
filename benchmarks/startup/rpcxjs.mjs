// A client with tcp and msgpack, from nothing to its first reply.
import { createClient } from '@rpcxjs/client';
import { msgpack } from '@rpcxjs/codec-msgpack';
import { tcp } from '@rpcxjs/transport-tcp';

const client = createClient({ servers: `tcp@${process.argv[2]}`, transports: [tcp()], codecs: [msgpack] });
const reply = await client.call('Hello', 'Say', { field1: 'hello' });
process.stdout.write(`${reply.field1}\n`);
await client.close();
