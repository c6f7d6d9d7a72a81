import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Kept {
  readonly service: string;
  readonly ip: string;
  readonly port: number;
  readonly clusterName: string;
  weight: number;
  healthy: boolean;
  enabled: boolean;
  metadata: Record<string, string>;
  beatAt: number;
}
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Stands in for a Nacos server: what its documentation says of the v3 client API, or of the v1 API, and what servers do when they are not well. */
export class ScriptedNacos {
  readonly instances = new Map<string, Kept>();
  readonly asked: string[] = [];
  /** Which API it has. */
  api: 'v3' | 'v1' | 'both';
  /** Who may log in; nobody has to without it. */
  user: { readonly username: string; readonly password: string; readonly ttlSeconds: number } | undefined;
  tokens = new Set<string>();
  logins = 0;
  frozen = false;
  /** nacos.core.param.check.enabled: names have no blanks. */
  checksNames = true;
  cacheMillis = 20;
  /** Answers instead of it, when it says something. */
  instead: ((method: string, path: string) => Answer | undefined) | undefined;
  #server: Server | undefined;
  #port = 0;
  readonly #sockets = new Set<Socket>();

  constructor(api: 'v3' | 'v1' | 'both' = 'v3') {
    this.api = api;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }
  get connections(): number {
    return this.#sockets.size;
  }
  async start(): Promise<this> {
    const server = createServer((request, response) => void this.#serve(request, response));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as { port: number }).port; // it listens on TCP
    return this;
  }
  /** As if it was killed; `start` brings it back on the same port. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => (server === undefined ? resolve() : void server.close(() => resolve())));
  }
  /** What it knows is lost. */
  wipe(): void {
    this.instances.clear();
    this.tokens.clear();
  }
  put(service: string, ip: string, port: number, more: Partial<Kept> = {}): void {
    this.instances.set(`DEFAULT_GROUP@@${service} ${ip} ${port}`, { service: `DEFAULT_GROUP@@${service}`, ip, port, clusterName: 'DEFAULT', weight: 1, healthy: true, enabled: true, metadata: {}, beatAt: performance.now(), ...more });
  }
  of(service: string): Kept[] {
    return [...this.instances.values()].filter((one) => one.service === `DEFAULT_GROUP@@${service}`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding was set
    if (this.frozen) return;
    const url = new URL(request.url ?? '/', 'http://nacos');
    const parameters = new URLSearchParams([...url.searchParams, ...new URLSearchParams(Buffer.concat(chunks).toString())]);
    const [method, path] = [request.method ?? '', url.pathname];
    this.asked.push(`${method} ${path}`);
    const { status, body } = this.instead?.(method, path) ?? this.#answer(method, path, parameters);
    response.writeHead(status, { 'Content-Type': /^[[{]/.test(body) ? 'application/json' : 'text/html' }).end(body);
  }

  #answer(method: string, path: string, parameters: URLSearchParams): Answer {
    const [v3, v1] = [this.api !== 'v1', this.api !== 'v3'];
    if (method === 'POST' && ((v3 && path === '/nacos/v3/auth/user/login') || (v1 && path === '/nacos/v1/auth/login'))) return this.#login(parameters);
    if (v3 && path.startsWith('/nacos/v3/client/ns/instance')) return this.#refusal(parameters, true) ?? this.#v3(method, path.slice('/nacos/v3/client/ns/instance'.length), parameters);
    if (v1 && path.startsWith('/nacos/v1/ns/instance')) return this.#refusal(parameters, false) ?? this.#v1(method, path.slice('/nacos/v1/ns/instance'.length), parameters);
    return { status: 404, body: JSON.stringify({ status: 404, error: 'Not Found', path }) };
  }

  #v3(method: string, path: string, parameters: URLSearchParams): Answer {
    const said = (code: number, data: unknown, message = code === 0 ? 'success' : 'instance not found', status = 200): Answer => ({ status, body: JSON.stringify({ code, message, data }) });
    const service = parameters.get('serviceName') ?? '';
    if (service === '' || (this.checksNames && /\s|@@/.test(service))) return said(20_002, "Param 'serviceName' is illegal", 'parameter validate error', 400);
    const name = `${parameters.get('groupName') ?? 'DEFAULT_GROUP'}@@${service}`;
    if (method === 'GET' && path === '/list') return said(0, this.#hosts(name, parameters.get('clusterName')).filter(({ enabled }) => enabled));
    if (path !== '') return { status: 404, body: '' };
    if (method === 'DELETE') {
      this.instances.delete(this.#key(name, parameters));
      return said(0, 'ok');
    }
    if (parameters.get('heartBeat') === 'true') return this.#beat(name, parameters) ? said(0, 'ok') : said(21_003, null);
    this.#register(name, parameters);
    return said(0, 'ok');
  }

  #v1(method: string, path: string, parameters: URLSearchParams): Answer {
    const service = parameters.get('serviceName') ?? '';
    if (service === '' || (this.checksNames && /\s/.test(service))) return { status: 400, body: "caused: Param 'serviceName' is illegal;" };
    const name = service.startsWith(`${parameters.get('groupName') ?? ''}@@`) ? service : `${parameters.get('groupName') ?? 'DEFAULT_GROUP'}@@${service}`;
    if (method === 'GET' && path === '/list') {
      return { status: 200, body: JSON.stringify({ name, groupName: 'DEFAULT_GROUP', clusters: '', cacheMillis: this.cacheMillis, hosts: this.#hosts(name, parameters.get('clusters')), lastRefTime: 1, checksum: '', valid: true }) };
    }
    if (method === 'PUT' && path === '/beat') {
      return { status: 200, body: JSON.stringify(this.#beat(name, parameters) ? { clientBeatInterval: 5000, code: 10_200, lightBeatEnabled: true } : { clientBeatInterval: 5000, code: 20_404, lightBeatEnabled: true }) };
    }
    if (path !== '') return { status: 404, body: '' };
    if (method === 'DELETE') this.instances.delete(this.#key(name, parameters));
    else this.#register(name, parameters);
    return { status: 200, body: 'ok' };
  }

  #hosts(name: string, cluster: string | null): (object & { readonly enabled: boolean })[] {
    return [...this.instances.values()].filter((one) => one.service === name && (cluster === null || cluster === one.clusterName)).map(({ service, beatAt: _, ...rest }) => ({
      instanceId: `${rest.ip}#${rest.port}#${rest.clusterName}#${service}`, ...rest, valid: rest.healthy, ephemeral: true, serviceName: service, instanceHeartBeatInterval: 5000,
    }));
  }
  #key(name: string, parameters: URLSearchParams): string {
    return `${name} ${parameters.get('ip') ?? ''} ${parameters.get('port') ?? ''}`;
  }
  #register(name: string, parameters: URLSearchParams): void {
    const read = (key: string): string => parameters.get(key) ?? '';
    this.instances.set(this.#key(name, parameters), {
      service: name, ip: read('ip'), port: Number(read('port')), clusterName: read('clusterName'), weight: Number(read('weight')), healthy: read('healthy') === 'true', enabled: read('enabled') === 'true',
      metadata: JSON.parse(read('metadata')) as Record<string, string>, // what it was given
      beatAt: performance.now(),
    });
  }
  #beat(name: string, parameters: URLSearchParams): boolean {
    const kept = this.instances.get(this.#key(name, parameters));
    if (kept !== undefined) Object.assign(kept, { beatAt: performance.now(), healthy: true });
    return kept !== undefined;
  }
  #login(parameters: URLSearchParams): Answer {
    this.logins += 1;
    if (this.user === undefined) return { status: 200, body: JSON.stringify({ accessToken: 'nobody asks', tokenTtl: 18_000, globalAdmin: true }) };
    if (parameters.get('username') !== this.user.username || parameters.get('password') !== this.user.password) return { status: 403, body: JSON.stringify({ code: 403, message: 'unknown user!', data: null }) };
    const accessToken = `token ${this.logins}`;
    this.tokens.add(accessToken);
    return { status: 200, body: JSON.stringify({ accessToken, tokenTtl: this.user.ttlSeconds, globalAdmin: false, username: this.user.username }) };
  }
  #refusal(parameters: URLSearchParams, v3: boolean): Answer | undefined {
    if (this.user === undefined || this.tokens.has(parameters.get('accessToken') ?? '')) return undefined;
    return { status: 403, body: v3 ? JSON.stringify({ code: 10_001, message: 'access denied', data: 'user not found!' }) : JSON.stringify({ timestamp: 1, status: 403, error: 'Forbidden', message: 'unknown user!' }) };
  }
}
