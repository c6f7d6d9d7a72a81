import { askHttp } from './ask.ts';
import { findProgram, freePort, startServer, type RegistryServer } from './server-process.ts';

export interface EtcdSettings {
  /** PEM files; with them etcd speaks TLS, and with `ca` it asks for a client certificate. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** Of a user `root` that everybody must log in as or be made by. */
  readonly rootPassword?: string;
}

/** An etcd, and what only an administrator does. */
export interface EtcdServer extends RegistryServer {
  /** A call of its JSON gateway: `ask('kv/compaction', { revision: '7' })`. Keys and values are base64. */
  ask(path: string, body: object, token?: string): Promise<Record<string, unknown>>;
}

export function findEtcd(): string | undefined {
  return findProgram('etcd');
}

export async function startEtcd({ tls, rootPassword }: EtcdSettings = {}): Promise<EtcdServer> {
  const [port, peerPort] = [await freePort(), await freePort()];
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const secure = tls === undefined ? [] : ['--cert-file', tls.cert, '--key-file', tls.key, ...(tls.ca === undefined ? [] : ['--client-cert-auth', '--trusted-ca-file', tls.ca])];
  const server = await startServer(port, {
    name: 'etcd',
    file: findEtcd() ?? 'etcd',
    args: (folder) => [
      '--name', 'test', '--data-dir', folder, '--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl,
      '--initial-cluster', `test=${peerUrl}`, '--unsafe-no-fsync', ...secure,
    ],
    // One that asks for a client certificate hangs up on us: then it is enough that it did.
    answers: () => (tls?.ca === undefined ? askHttp({ url: `${url}/health` }).then(({ text }) => text.includes('true')) : askHttp({ url: `${url}/health` }).then(Boolean, (error: unknown) => !String(error).includes('ECONNREFUSED'))),
  });
  const ask = askEtcd(url);
  if (rootPassword !== undefined) {
    await ask('auth/user/add', { name: 'root', password: rootPassword });
    await ask('auth/role/add', { name: 'root' });
    await ask('auth/user/grant', { user: 'root', role: 'root' });
    await ask('auth/enable', {});
  }
  return Object.assign(server, { ask });
}

/** The JSON gateway of the etcd at this URL. */
export function askEtcd(url: string): EtcdServer['ask'] {
  return async (path, body, token) => {
    const { status, text } = await askHttp({ url: `${url}/v3/${path}`, method: 'POST', body: JSON.stringify(body), headers: token === undefined ? {} : { authorization: token } });
    if (status !== 200) throw new Error(`etcd answered ${status} to ${path}: ${text}`);
    return JSON.parse(text) as Record<string, unknown>; // of etcd's gateway
  };
}
