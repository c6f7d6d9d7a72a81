// What a page writes: type-checked with the libraries of a browser alone, where nobody else brings in what the declarations speak of.
import { contract, push, unary } from '@rpcxjs/core';
import { createClient } from '@rpcxjs/client/lean';
import { createClient as createFullClient } from '@rpcxjs/client';

const Board = contract('Board', { Post: unary<{ text: string }, number>(), Posted: push<{ text: string }>() });

const client = createClient({ servers: 'ws@127.0.0.1:1', transports: [] });
const count: number = await client.service(Board).Post({ text: 'hello' });
for await (const posted of client.pushes(Board.methods.Posted)) {
  // @ts-expect-error a misspelt field
  document.title = posted.txt;
}
for await (const posted of createFullClient({ servers: 'ws@127.0.0.1:1', transports: [] }).pushes(Board.methods.Posted)) {
  // @ts-expect-error a misspelt field
  document.title = posted.txt;
}
document.title = String(count);
