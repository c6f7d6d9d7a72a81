// What a user writes after one install; type-checked against the declarations in the tarballs, and run.
import { contract, createClient, createServer, unary } from '@rpcxjs/rpcx';

const Greeter = contract('Greeter', { Greet: unary<{ name: string }, string>() });

const server = createServer();
server.register(Greeter, { Greet: ({ name }) => `hello, ${name}` });
const [address = ''] = await server.listen('tcp@127.0.0.1:0');
const client = createClient({ servers: [address] });
const answer: string = await client.service(Greeter).Greet({ name: 'tarball' });
// @ts-expect-error a misspelt method
void client.service(Greeter).Great;
await client.close();
await server.close();
process.stdout.write(`${answer}\n`);
