// tRPC over WebSocket, server side.
import { initTRPC } from '@trpc/server';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import { WebSocketServer } from 'ws';
import { serveUntilInputEnds } from '../closed-loop.mjs';
import { answer } from '../message.mjs';

const t = initTRPC.create();
const router = t.router({ say: t.procedure.input((value) => value).mutation(({ input }) => answer(input)) });
const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
applyWSSHandler({ wss: sockets, router });
sockets.on('listening', () => serveUntilInputEnds(`127.0.0.1:${sockets.address().port}`));
