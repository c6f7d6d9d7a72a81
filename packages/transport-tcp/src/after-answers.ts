import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Calls `then` once the HTTP requests before on this connection have their answers, which would be written into what follows: for CONNECT and upgrades that were sent early. */
export function afterAnswers(socket: Socket, then: () => void): void {
  // Node's own name for the answer whose turn it is (lib/_http_server.js), in 20, 22 and 24.
  const { _httpMessage: answer } = socket as Socket & { readonly _httpMessage?: ServerResponse | null };
  if (answer === undefined || answer === null) {
    // HTTP's limit for an idle connection.
    socket.setTimeout(0);
    then();
  } else {
    if (socket.listenerCount('error') === 0) socket.on('error', () => {});
    answer.once('finish', () => afterAnswers(socket, then));
  }
}
