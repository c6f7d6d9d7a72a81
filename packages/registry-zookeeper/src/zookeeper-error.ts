import { thrownText, type RpcError } from '@rpcxjs/core';
import { registryError, type RegistryErrorInit } from '@rpcxjs/registry-kit';

type Verdict = Pick<RegistryErrorInit, 'code' | 'reason' | 'hint'>;

/** The meaning of texts of the library, the system and ZooKeeper; the first that matches counts. */
const verdicts: readonly (readonly [RegExp, Verdict])[] = [
  [/AUTH_FAILED/, { code: 'unauthenticated', reason: 'REGISTRY_REFUSED', hint: 'this ZooKeeper does not take the scheme or the credentials of `auth`' }],
  [/NO_AUTH/, { code: 'permission_denied', reason: 'REGISTRY_REFUSED', hint: 'the access control list of the node does not let us: set `auth`, or look at it with `getAcl`' }],
  [/INVALID_ACL/, { code: 'invalid_argument', reason: 'REGISTRY_REFUSED', hint: 'check `acl`; the scheme `auth` needs the option `auth`' }],
  [/BAD_ARGUMENTS|must (start|not)|path|Node path/i, { code: 'invalid_argument', reason: 'REGISTRY_REFUSED', hint: 'ZooKeeper has no such names: no "." or "..", no control characters, none beyond U+FFFF; choose another service or base path' }],
  [/is no ZooKeeper/, { code: 'failed_precondition', reason: 'REGISTRY_UNEXPECTED', hint: 'check the port' }],
  [/ECONNREFUSED/, { hint: 'nobody listens there: does ZooKeeper run, and is the port right?' }],
  [/ENOTFOUND|EAI_AGAIN/, { hint: 'the name does not resolve: check its spelling and the DNS' }],
  [/no answer within/, { hint: 'does ZooKeeper run there and not something else, and can this machine reach it?' }],
  [/not currently serving requests/, { hint: 'it waits for the others of its ensemble' }],
];

/** The error of what a ZooKeeper did not do, with what to try. */
export function zookeeperError(where: string, what: string, cause: unknown): RpcError {
  const text = thrownText(cause);
  return registryError({ name: 'zookeeper', where, what, cause, ...verdicts.find(([says]) => says.test(text))?.[1] });
}
