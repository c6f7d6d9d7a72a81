import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildGoPrograms } from './go-programs.ts';

/** Paths of PEM files for one test run: an authority, and a server and a client that it signed, for localhost and 127.0.0.1. */
export interface Certificates extends Disposable {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

/** Makes certificates in a temporary folder, which goes away with the returned object. */
export async function makeCertificates(): Promise<Certificates> {
  const built = await buildGoPrograms();
  if (built.missing !== undefined) throw new Error(built.missing);
  const folder = mkdtempSync(join(tmpdir(), 'rpcxjs-certificates-'));
  const { status, stderr } = spawnSync(built.server, ['-make-certs', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`no certificates could be made: ${stderr}`);
  const pair = (name: string): { cert: string; key: string } => ({ cert: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) });
  return { ca: join(folder, 'ca.pem'), server: pair('server'), client: pair('client'), [Symbol.dispose]: () => { rmSync(folder, { recursive: true, force: true }); } };
}
