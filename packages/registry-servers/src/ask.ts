import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect } from 'node:net';

const askMs = 1000;

export interface HttpQuestion {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One HTTP request on a connection of its own. TLS certificates are not looked at. */
export function askHttp({ url, method = 'GET', headers = {}, body = '' }: HttpQuestion): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const ask = url.startsWith('https:') ? secureRequest : plainRequest;
    const asked = ask(url, { method, headers, agent: false, timeout: askMs, rejectUnauthorized: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => { text += chunk.toString(); });
      response.on('end', () => { resolve({ status: response.statusCode ?? 0, text }); });
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.on('timeout', () => { asked.destroy(new Error(`no answer within ${askMs} ms`)); });
    asked.end(body);
  });
}

/** What a server says to a line of text, as soon as there is enough of it. */
export function askLine(port: number, line: string, enough: RegExp = /./): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.setTimeout(askMs, () => { socket.destroy(new Error(`no answer within ${askMs} ms`)); });
    socket.once('error', reject);
    let said = '';
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (!enough.test(said)) return;
      resolve(said);
      socket.destroy();
    });
    socket.once('end', () => { reject(new Error(`it ended without an answer: ${said}`)); });
    socket.write(line);
  });
}
