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
}

export function findConsul(): string | undefined {
  const given = process.env['CONSUL'];
  if (given !== undefined && given !== '') return given;
  return findProgram('consul') ?? findProgram('consul', [unpacked]);
}

/** A server of one, which elects itself; its data are kept over a restart. */
export async function startConsul({ config = {}, masterToken }: ConsulSettings = {}): Promise<RegistryServer> {
  const [port, server, lan] = [await freePort(), await freePort(), await freePort()];
  const acl = masterToken === undefined ? {} : { acl: { enabled: true, default_policy: 'deny', tokens: { master: masterToken } } };
  return startServer(port, {
    name: 'consul',
    file: findConsul() ?? 'consul',
    async args(folder) {
      const file = join(folder, 'config.json');
      await writeFile(file, JSON.stringify({
        server: true, bootstrap_expect: 1, bind_addr: '127.0.0.1', client_addr: '127.0.0.1', data_dir: join(folder, 'consul'), disable_update_check: true, log_level: 'warn', leave_on_terminate: false,
        ports: { http: port, server, serf_lan: lan, serf_wan: -1, dns: -1, grpc: -1, https: -1 }, performance: { raft_multiplier: 1 }, session_ttl_min: '1s', ...acl, ...config,
      }));
      return ['agent', '-config-file', file];
    },
    async answers() {
      const { text } = await askHttp({ url: `http://127.0.0.1:${port}/v1/status/leader` });
      if (!/\d/.test(text)) return false;
      // A leader that has not taken over yet answers reads with an error.
      const { status } = await askHttp({ url: `http://127.0.0.1:${port}/v1/kv/ready?consistent`, headers: masterToken === undefined ? {} : { 'x-consul-token': masterToken } });
      return status === 404 || status === 200;
    },
  });
}
