// tRPC over WebSocket, client side.
import { createTRPCClient, createWSClient, wsLink } from '@trpc/client';
import { WebSocket } from 'ws';
import { peerOptions, promiseLoop, serveJobs } from '../closed-loop.mjs';
import { filledMessage, isAnswer } from '../message.mjs';

const socket = createWSClient({ url: `ws://${peerOptions().address}`, WebSocket });
const client = createTRPCClient({ links: [wsLink({ client: socket })] });
const message = filledMessage();

await serveJobs(promiseLoop(() => client.say.mutate(message), isAnswer));
