import { request } from 'node:http';
import type { RegistryServer } from '@rpcxjs/registry-servers';

export interface ApiExtra {
  readonly body?: string;
  readonly token?: string;
}

/** One request to Consul beside the store; the reply decoded, undefined for 404. */
export async function api(server: Pick<RegistryServer, 'port'>, method: string, path: string, { body, token }: ApiExtra = {}): Promise<unknown> {
  const { status, text } = await new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: server.port, path: `/v1/${path}`, method, agent: false, headers: token === undefined ? {} : { 'x-consul-token': token } }, (reply) => {
      let got = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => (got += chunk)).on('end', () => resolve({ status: reply.statusCode ?? 0, text: got }));
    });
    sent.on('error', reject).end(body);
  });
  if (status === 404) return undefined;
  if (status !== 200) throw new Error(`${method} ${path}: ${status} ${text}`);
  // A flag is above what a number holds.
  return text === '' ? undefined : JSON.parse(text.replaceAll(/"Flags": ?(\d+)/g, '"Flags":"$1"'));
}

/** By hand, as an operator would. */
export async function endSession(server: Pick<RegistryServer, 'port'>, id: string | undefined): Promise<void> {
  if (id !== undefined) await api(server, 'PUT', `session/destroy/${id}`);
}
