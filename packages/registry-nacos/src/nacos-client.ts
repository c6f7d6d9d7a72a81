import { RpcError, thrownText, type Clock, type Runtime } from '@rpcxjs/core';
import { registryError } from '@rpcxjs/registry-kit';
import type { NacosInstance } from './nacos-instance.ts';
import { NacosLink, type LinkReply, type LinkRequest } from './nacos-link.ts';
import type { ResolvedNacosOptions } from './nacos-options.ts';

/** A list of instances. */
export interface NacosList {
  readonly hosts: readonly unknown[];
  /** Milliseconds to wait before the next reading, as the server asks; Nacos 3 does not ask. */
  readonly cacheMs: number | undefined;
}

/** How to ask. */
export interface AskOptions {
  readonly runtime: Runtime;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. @default as the options say */
  readonly timeoutMs?: number | undefined;
}

type Api = 'v3' | 'v1';
/** One server, and what is known of it. */
interface Server {
  readonly url: URL;
  api: Api | undefined;
  token: { readonly text: string; readonly endsAt: number } | undefined;
}
interface Question {
  readonly what: string;
  readonly method: LinkRequest['method'];
  /** The path after the context, for each API. */
  readonly path: (api: Api) => string;
  readonly parameters: (api: Api) => Readonly<Record<string, string>>;
}

const instancePath = (api: Api): string => (api === 'v3' ? '/v3/client/ns/instance' : '/v1/ns/instance');
// Nacos ErrorCode: instance not found, service not found, resource not found; 20404 is that of a v1 heartbeat.
const absent: readonly unknown[] = [21_003, 21_008, 20_004, 20_404];

/**
 * The part of Nacos's open API that a registry needs: the client API of Nacos 3 (`/v3/client/ns/instance`), and where a server does not have it that of Nacos 1 and 2
 * (`/v1/ns/instance`). Asks one server after the other, each for a part of the time.
 */
export class NacosClient {
  readonly where: string;
  readonly #options: ResolvedNacosOptions;
  readonly #servers: readonly Server[];
  readonly #link: NacosLink;
  /** The index of the server that answered last. */
  #current = 0;

  constructor(options: ResolvedNacosOptions) {
    this.#options = options;
    this.#servers = options.servers.map((url) => ({ url, api: undefined, token: undefined }));
    this.where = options.servers.map((url) => url.host).join(',');
    this.#link = new NacosLink(options.tls);
  }

  /** Writes the instance, whatever stood there. */
  async register(service: string, instance: NacosInstance, options: AskOptions): Promise<void> {
    const parameters = {
      ...this.#named(service, instance), weight: `${instance.weight}`, enabled: 'true', healthy: 'true', ephemeral: 'true', metadata: JSON.stringify(instance.metadata),
    };
    await this.#ask({ what: `register "${service}" at ${at(instance)}`, method: 'POST', path: instancePath, parameters: () => parameters }, options);
  }

  /** Sends a heartbeat of the instance; false when Nacos does not know it. */
  async beat(service: string, instance: NacosInstance, options: AskOptions): Promise<boolean> {
    const { group } = this.#options;
    const v1 = {
      ...this.#named(service, instance), serviceName: `${group}@@${service}`, ephemeral: 'true',
      beat: JSON.stringify({ serviceName: `${group}@@${service}`, ip: instance.ip, port: instance.port, cluster: this.#options.cluster ?? 'DEFAULT', weight: instance.weight, metadata: instance.metadata, scheduled: true }),
    };
    const v3 = { ...this.#named(service, instance), ephemeral: 'true', heartBeat: 'true' };
    const reply = await this.#ask({
      what: `keep "${service}" at ${at(instance)} alive`,
      method: 'POST',
      path: (api) => (api === 'v3' ? instancePath(api) : `${instancePath(api)}/beat`),
      parameters: (api) => (api === 'v3' ? v3 : v1),
    }, options);
    return reply !== undefined;
  }

  /** Settles too when it was not there. */
  async remove(service: string, instance: NacosInstance, options: AskOptions): Promise<void> {
    const parameters = { ...this.#named(service, instance), ephemeral: 'true' };
    await this.#ask({ what: `remove "${service}" at ${at(instance)}`, method: 'DELETE', path: instancePath, parameters: () => parameters }, options);
  }

  /** A service that Nacos does not know has no hosts. */
  async list(service: string, options: AskOptions): Promise<NacosList> {
    const { group, namespace, cluster } = this.#options;
    const common = { serviceName: service, groupName: group, ...(namespace === '' ? {} : { namespaceId: namespace }) };
    const parameters = (api: Api): Record<string, string> => (api === 'v3'
      ? { ...common, ...(cluster === undefined ? {} : { clusterName: cluster }) }
      : { ...common, ...(cluster === undefined ? {} : { clusters: cluster }), healthyOnly: 'false' });
    const what = `list "${service}"`;
    const reply = await this.#ask({ what, method: 'GET', path: (api) => `${instancePath(api)}/list`, parameters }, options);
    if (reply === undefined) return { hosts: [], cacheMs: undefined };
    const answer = typeof reply === 'object' && reply !== null && !Array.isArray(reply) ? (reply as Record<string, unknown>) : {}; // looked at below
    const hosts = Array.isArray(reply) ? reply : answer['hosts'];
    if (!Array.isArray(hosts)) throw this.#unexpected(this.#server, what, 'its answer has no list of instances');
    const { cacheMillis } = answer;
    return { hosts, cacheMs: typeof cacheMillis === 'number' && cacheMillis > 0 ? cacheMillis : undefined };
  }

  /** Ends what is under way, and every connection. */
  close(): void {
    this.#link.close();
  }

  get #server(): Server {
    return this.#servers[this.#current] as Server; // always one of them
  }

  #named(service: string, { ip, port }: NacosInstance): Record<string, string> {
    const { group, namespace, cluster } = this.#options;
    return { serviceName: service, groupName: group, ...(namespace === '' ? {} : { namespaceId: namespace }), clusterName: cluster ?? 'DEFAULT', ip, port: `${port}` };
  }

  /** What it says; undefined for something that Nacos does not know. A server that cannot be reached, or is not well, is not the last one asked. */
  async #ask(question: Question, options: AskOptions): Promise<unknown> {
    const share = { ...options, timeoutMs: (options.timeoutMs ?? this.#options.timeoutMs) / this.#servers.length };
    const first = this.#current;
    let failure: unknown;
    for (let turn = 0; turn < this.#servers.length; turn++) {
      options.signal?.throwIfAborted();
      this.#current = (first + turn) % this.#servers.length;
      try {
        return await this.#askOne(this.#server, question, share);
      } catch (error) {
        if (options.signal?.aborted === true || (RpcError.is(error) && error.code !== 'unavailable')) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  async #askOne(server: Server, question: Question, { runtime: { clock }, signal, timeoutMs = 0 }: AskOptions): Promise<unknown> {
    const endsAt = clock.now() + timeoutMs;
    const askFor = async (fresh: boolean): Promise<unknown> => {
      const token = await this.#token(server, { clock, signal, endsAt, fresh });
      for (const api of server.api === undefined ? ['v3', 'v1'] as const : [server.api]) {
        const { what, method, path, parameters } = question;
        const all = { ...parameters(api), ...(token === undefined ? {} : { accessToken: token }) };
        const beat = api === 'v1' && path(api).endsWith('/beat');
        const reply = await this.#send(server, what, { method: beat ? 'PUT' : method, path: path(api), parameters: all, clock, endsAt, signal });
        if (isMissing(reply)) continue;
        const answer = this.#read(server, what, reply);
        server.api = api;
        return answer;
      }
      const known = server.api;
      server.api = undefined; // it may have become another version
      throw this.#unexpected(server, question.what, known === undefined ? 'it has neither the v3 nor the v1 API' : `it no longer has the ${known} API`);
    };
    try {
      return await askFor(false);
    } catch (error) {
      // The token may be of a server that was started anew, or the API of one that was replaced.
      const again = RpcError.is(error) && ((error.code === 'permission_denied' && this.#options.username !== undefined) || (error.reason === 'REGISTRY_UNEXPECTED' && /no longer has/.test(error.message)));
      if (!again) throw error;
      return await askFor(true);
    }
  }

  async #token(server: Server, { clock, signal, endsAt, fresh }: { readonly clock: Clock; readonly signal: AbortSignal | undefined; readonly endsAt: number; readonly fresh: boolean }): Promise<string | undefined> {
    const { username, password, accessToken } = this.#options;
    if (username === undefined || password === undefined) return accessToken;
    if (!fresh && server.token !== undefined && server.token.endsAt > clock.now()) return server.token.text;
    server.token = undefined;
    const what = `log in as "${username}"`;
    for (const path of ['/v3/auth/user/login', '/v1/auth/login']) {
      const reply = await this.#send(server, what, { method: 'POST', path, parameters: { username, password }, clock, endsAt, signal });
      if (isMissing(reply)) continue;
      const answer = json(reply.text);
      const { accessToken: text, tokenTtl } = { ...(answer?.['data'] as object | undefined), ...answer } as Record<string, unknown>; // looked at below
      if (reply.status !== 200 || typeof text !== 'string') throw this.#refusedLogin(server, what, reply, answer);
      // Renewed when a tenth of its time is left.
      server.token = { text, endsAt: clock.now() + (typeof tokenTtl === 'number' && tokenTtl > 0 ? tokenTtl : 18_000) * 900 };
      return text;
    }
    throw this.#unexpected(server, what, 'it has no login');
  }

  async #send(server: Server, what: string, { path, parameters, endsAt, ...rest }: { readonly method: LinkRequest['method']; readonly path: string; readonly parameters: Readonly<Record<string, string>>; readonly clock: Clock; readonly endsAt: number; readonly signal: AbortSignal | undefined }): Promise<LinkReply> {
    const { url } = server;
    try {
      const reply = await this.#link.ask({ ...rest, url: new URL(`${url.href}${path}`), parameters: new URLSearchParams(parameters), timeoutMs: Math.max(1, endsAt - rest.clock.now()) });
      if (reply.status >= 500 && json(reply.text)?.['code'] === undefined && !refusesUser(reply)) throw new Error(`it says ${reply.status}: ${shortened(reply.text)}`);
      return reply;
    } catch (cause) {
      if (rest.signal?.aborted === true) throw cause;
      const wrong = (cause as NodeJS.ErrnoException).code?.startsWith('HPE_') === true || /wrong version number|packet length too long|EPROTO/.test(thrownText(cause)); // of node:http
      if (wrong) throw this.#unexpected(server, what, cause);
      const hint = /certificate|CERT_|self-signed/i.test(thrownText(cause)) ? 'is tls.ca the authority of its certificate?' : undefined;
      throw registryError({ name: 'nacos', where: url.host, what, cause, hint });
    }
  }

  /** Undefined for something that Nacos does not know. */
  #read(server: Server, what: string, reply: LinkReply): unknown {
    const answer = json(reply.text);
    const code = answer?.['code'];
    if (absent.includes(code)) return undefined;
    if (reply.status === 401 || reply.status === 403 || code === 10_001) throw this.#refused(server, what, reply, answer);
    if (reply.status === 200 && reply.text.trim() === 'ok') return 'ok';
    if (answer === undefined) {
      if (reply.status === 400 && !/^\s*</.test(reply.text)) throw this.#invalid(server, what, shortened(reply.text));
      throw this.#unexpected(server, what, `it says ${reply.status}: ${shortened(reply.text)}`);
    }
    if (reply.status === 200 && (code === undefined || code === 0 || code === 200 || code === 10_200)) return code === undefined || code === 10_200 ? answer : answer['data'] ?? 'ok';
    const said = shortened([answer['message'], answer['data'], answer['error']].filter((part) => typeof part === 'string' && part !== '').join(': ') || reply.text);
    if (reply.status >= 500 || code === 30_000 || code === 500) throw registryError({ name: 'nacos', where: server.url.host, what, cause: new Error(`it says ${reply.status}: ${said}`), hint: 'look into its log; the cluster may have no leader' });
    throw this.#invalid(server, what, said);
  }

  #refused(server: Server, what: string, reply: LinkReply, answer: Record<string, unknown> | undefined): RpcError {
    const { username, accessToken, namespace } = this.#options;
    server.token = undefined;
    const who = username === undefined ? accessToken === undefined ? 'it wants credentials: give username and password, or an accessToken' : 'is the accessToken still good' : `may "${username}" read and write`;
    const hint = username === undefined && accessToken === undefined ? who : `${who} in the namespace "${namespace === '' ? 'public' : namespace}"?`;
    return registryError({ name: 'nacos', where: server.url.host, what, cause: `it says ${reply.status}: ${shortened(typeof answer?.['message'] === 'string' ? answer['message'] : reply.text)}`, hint, code: username === undefined && accessToken === undefined ? 'unauthenticated' : 'permission_denied', reason: 'REGISTRY_REFUSED' });
  }
  #refusedLogin(server: Server, what: string, reply: LinkReply, answer: Record<string, unknown> | undefined): RpcError {
    if (reply.status === 200) return this.#unexpected(server, what, 'its answer has no token');
    const said = typeof answer?.['message'] === 'string' ? answer['message'] : reply.text;
    return registryError({ name: 'nacos', where: server.url.host, what, cause: `it says ${reply.status}: ${shortened(said)}`, hint: 'check username and password', code: 'unauthenticated', reason: 'REGISTRY_REFUSED' });
  }
  #invalid(server: Server, what: string, said: string): RpcError {
    return registryError({ name: 'nacos', where: server.url.host, what, cause: `it says "${said}"`, hint: 'names of services and groups must be ones that Nacos takes, without blanks and @@', code: 'invalid_argument', reason: 'REGISTRY_REFUSED' });
  }
  #unexpected(server: Server, what: string, cause: unknown): RpcError {
    const hint = `is that Nacos, with the context path ${server.url.pathname} and ${server.url.protocol === 'https:' ? 'TLS' : 'without TLS'}, and not its console or another server?`;
    return registryError({ name: 'nacos', where: server.url.host, what, cause, hint, code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED' });
  }
}

function at({ ip, port }: NacosInstance): string {
  return `${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}

/** The path does not exist there, which is another thing than an instance that does not. */
function isMissing({ status, text }: LinkReply): boolean {
  return (status === 404 || status === 405 || status === 410 || status === 501) && !absent.includes(json(text)?.['code']);
}

/** Nacos 1 answers 500 to a user that it does not know. */
function refusesUser({ text }: LinkReply): boolean {
  return /unknown user|user not found|password/i.test(text);
}

/** Undefined for what is no object. */
function json(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined; // an object, with anything in it
  } catch {
    return undefined;
  }
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
