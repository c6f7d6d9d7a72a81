import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askHttp } from './ask.ts';
import { findProgram, freePort, startServer, type RegistryServer } from './server-process.ts';

// Where `get-consul.sh` puts it.
const unpacked = fileURLToPath(new URL('../.cache/consul/usr/bin', import.meta.url));

export interface ConsulSettings {
  /** More of its configuration, as in its JSON files. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Everything but this token is refused. */
  readonly masterToken?: string;
  /** PEM files; with them it speaks HTTPS only, and asks for a client certificate of that authority. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

export function findConsul(): string | undefined {
  const given = process.env['CONSUL'];
  if (given !== undefined && given !== '') return given;
  return findProgram('consul') ?? findProgram('consul', [unpacked]);
}

/** A server of one, which elects itself; its data are kept over a restart. */
export async function startConsul({ config = {}, masterToken, tls }: ConsulSettings = {}): Promise<RegistryServer> {
  const [port, server, lan] = [await freePort(), await freePort(), await freePort()];
  const acl = masterToken === undefined ? {} : { acl: { enabled: true, default_policy: 'deny', tokens: { master: masterToken } } };
  const ports = { http: tls === undefined ? port : -1, https: tls === undefined ? -1 : port, server, serf_lan: lan, serf_wan: -1, dns: -1, grpc: -1 };
  const secure = tls === undefined ? {} : { cert_file: tls.cert, key_file: tls.key, ca_file: tls.ca, verify_incoming_https: true };
  const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  return startServer(port, {
    name: 'consul',
    file: findConsul() ?? 'consul',
    async args(folder) {
      const file = join(folder, 'config.json');
      await writeFile(file, JSON.stringify({
        server: true, bootstrap_expect: 1, bind_addr: '127.0.0.1', client_addr: '127.0.0.1', data_dir: join(folder, 'consul'), disable_update_check: true, log_level: 'warn', leave_on_terminate: false,
        ports, ...secure, performance: { raft_multiplier: 1 }, session_ttl_min: '1s', ...acl, ...config,
      }));
      return ['agent', '-config-file', file];
    },
    async answers() {
      // One that asks for a client certificate hangs up on us: it is enough that it did.
      if (tls !== undefined) return askHttp({ url }).then(() => false, (error: unknown) => !String(error).includes('ECONNREFUSED'));
      const { text } = await askHttp({ url: `${url}/v1/status/leader` });
      if (!/\d/.test(text)) return false;
      // A leader that has not taken over yet answers reads with an error, and without a node there are no sessions.
      const { status, text: nodes } = await askHttp({ url: `${url}/v1/catalog/nodes?consistent`, headers: masterToken === undefined ? {} : { 'x-consul-token': masterToken } });
      return status === 200 && nodes.includes('"Node"');
    },
  });
}
