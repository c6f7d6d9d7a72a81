import { expect, it } from 'vitest';
import { redisError } from './redis-error.ts';

it.each(["Stream isn't writeable and enableOfflineQueue options is false", 'Connection is closed.'])('%j of the library is a connection that was cut', (text) => {
  const { code, reason, message } = redisError({ where: 'a:1', what: 'read /rpcx', cause: new Error(text) });
  expect([code, reason, message]).toEqual(['unavailable', 'REGISTRY_UNREACHABLE', expect.stringMatching(/^redis at a:1 cannot read \/rpcx: the connection was cut; /)]);
});
