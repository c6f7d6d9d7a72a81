/// <reference lib="dom" />
import { createClient } from '@rpcxjs/client/lean';
import { isError, RpcError } from '@rpcxjs/core';
import { webSocket } from '@rpcxjs/transport-ws/browser';
import { Board } from './board.ts';

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T; // page.html has it
const [state, said, text, hint] = [element('state'), element('said'), element<HTMLInputElement>('text'), element('hint')];
const name = `visitor ${Math.floor(Math.random() * 900) + 100}`;

const client = createClient({
  servers: `${location.protocol === 'https:' ? 'wss' : 'ws'}@${location.host}`,
  transports: [webSocket()],
  onConnection(connected, error) {
    state.classList.toggle('connected', connected);
    state.textContent = connected ? 'connected' : `lost: ${error?.reason ?? ''}`;
    // A server that has restarted does not know who was there.
    if (connected) void join();
  },
});
const board = client.service(Board);

async function join(): Promise<void> {
  const { Visitors, Server } = await board.Join({ Name: name });
  state.textContent = `connected to server ${Server}, ${Visitors} here`;
}

client.onPush(Board.methods.Said, ({ From, Text }) => {
  const line = document.createElement('li');
  const who = document.createElement('b');
  who.textContent = From;
  line.append(who, Text);
  said.append(line);
  while (said.children.length > 8) said.firstElementChild?.remove();
});

element('say').addEventListener('submit', (event) => {
  event.preventDefault();
  hint.textContent = '';
  board.Say({ Text: text.value }).then(
    () => { text.value = ''; },
    (error: unknown) => {
      if (isError(Board.methods.Say, 'Empty', error)) hint.textContent = error.details?.hint ?? '';
      else hint.textContent = RpcError.is(error) ? error.message : String(error);
    },
  );
});
element('restart').addEventListener('click', () => void fetch('/restart', { method: 'POST' }));
client.ready().catch((error: unknown) => { state.textContent = String(error); });
