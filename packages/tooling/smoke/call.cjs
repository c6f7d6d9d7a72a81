'use strict';
const { contract, createClient, createServer, unary } = require('@rpcxjs/rpcx');

const Greeter = contract('Greeter', { Greet: unary() });

async function main() {
  const server = createServer();
  server.register(Greeter, { Greet: ({ name }) => `hello, ${name}` });
  const [address] = await server.listen('tcp@127.0.0.1:0');
  const client = createClient({ servers: [address] });
  const answer = await client.service(Greeter).Greet({ name: 'tarball' });
  await client.close();
  await server.close();
  process.stdout.write(`${answer}\n`);
}

main();
