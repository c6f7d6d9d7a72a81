import { Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { onAbort, type Clock } from '@rpcxjs/core';
import type { NacosTlsOptions } from './nacos-options.ts';

/** One request. */
export interface LinkRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  /** In the body of POST and PUT, else in the query. */
  readonly parameters: URLSearchParams;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}
export interface LinkReply {
  readonly status: number;
  readonly text: string;
}

const longestReply = 33_554_432;

/** Connections to Nacos that stay open between requests. A request ends with its reply, its time, its signal, or `close`. */
export class NacosLink {
  readonly #plain: PlainAgent = new PlainAgent({ keepAlive: true, maxSockets: 16, scheduling: 'lifo' });
  readonly #tls: TlsAgent;
  /** What ends each request that is under way. */
  readonly #pending = new Set<(error: Error) => void>();

  constructor(tls: NacosTlsOptions | undefined) {
    const { ca, cert, key } = tls ?? {};
    this.#tls = new TlsAgent({ keepAlive: true, maxSockets: 16, scheduling: 'lifo', ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) });
  }

  ask({ method, url, parameters, clock, timeoutMs, signal }: LinkRequest): Promise<LinkReply> {
    return new Promise((resolve, reject) => {
      const secure = url.protocol === 'https:';
      const inBody = method === 'POST' || method === 'PUT';
      const body = inBody ? Buffer.from(parameters.toString()) : undefined;
      const headers = { 'User-Agent': 'Nacos-TypeScript-Client:rpcxjs', Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/x-www-form-urlencoded; charset=UTF-8', 'Content-Length': body.length }) };
      const target = inBody ? url : new URL(`${url.href}?${parameters.toString()}`);
      const request = secure ? tlsRequest(target, { method, headers, agent: this.#tls }) : plainRequest(target, { method, headers, agent: this.#plain });
      let unlink = (): void => {};
      const end = (settle: () => void): void => {
        timer.cancel();
        unlink();
        this.#pending.delete(cut);
        settle();
      };
      const fail = (error: Error): void => end(() => reject(signal?.aborted === true ? (signal.reason as Error) : error)); // what the caller has given
      const cut = (error: Error): void => {
        fail(error);
        request.destroy();
      };
      this.#pending.add(cut);
      const timer = clock.setTimer(() => cut(new Error(`no answer within ${Math.round(timeoutMs)} ms`)), timeoutMs);
      request.on('error', fail);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          length += chunk.length;
          if (length > longestReply) cut(new Error(`its answer has more than ${longestReply} bytes`));
        });
        response.on('error', fail);
        response.on('end', () => end(() => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') })));
        response.on('close', () => fail(new Error('the connection was lost in the middle of an answer')));
      });
      if (signal !== undefined) unlink = onAbort(signal, () => cut(new Error('its signal has aborted')));
      request.end(body);
    });
  }

  /** Ends what is under way. */
  close(): void {
    for (const cut of this.#pending) cut(new Error('the registry was closed'));
    this.#plain.destroy();
    this.#tls.destroy();
  }
}
