import type { Server as WebServer } from 'node:http';
import { contextKey, type Peer } from '@rpcxjs/core';
import { createServer, type Server } from '@rpcxjs/server';
import { webSocket } from '@rpcxjs/transport-ws';
import { Board } from './board.ts';

const visitor = contextKey<string>('the name that a page joined with', 'somebody');
let started = 0;

/** The board, behind a web server that has other things to do as well. */
export async function openBoard(behind: WebServer): Promise<Server> {
  const number = ++started;
  const visitors = new Set<Peer>();
  const tell = async (From: string, Text: string): Promise<number> => {
    const told = await Promise.allSettled([...visitors].map((peer) => peer.push(Board.methods.Said, { From, Text })));
    return told.filter(({ status }) => status === 'fulfilled').length;
  };
  const server = createServer({ transports: [webSocket({ server: behind })] });
  server.register(Board, {
    async Join({ Name }, { peer }) {
      peer.values.set(visitor, Name);
      visitors.add(peer);
      peer.closed.addEventListener('abort', () => visitors.delete(peer));
      await tell('the board', `${Name} is here`);
      return { Visitors: visitors.size, Server: number };
    },
    async Say({ Text }, call) {
      if (Text.trim() === '') throw call.fail('Empty', { hint: 'type something first' });
      return { Heard: await tell(call.peer.values.get(visitor), Text) };
    },
  });
  await server.listen('ws@127.0.0.1:0');
  return server;
}
