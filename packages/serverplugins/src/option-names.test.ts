import { expect, it } from 'vitest';
import { blacklist } from './blacklist.ts';
import { rateLimitConnections } from './rate-limit-connections.ts';
import { rateLimitRequests } from './rate-limit-requests.ts';
import { whitelist } from './whitelist.ts';

it.each([
  [() => whitelist([], { withoutIP: 'accept' } as object), 'whitelist has no option "withoutIP": it takes withoutIp'],
  [() => blacklist([], 'accept' as never), 'blacklist is "accept": it takes an object'],
  [() => rateLimitRequests({ perSecond: 1, brust: 2 } as never), 'rateLimitRequests has no option "brust": it takes perSecond, burst, per, key, maxBuckets'],
  [() => rateLimitConnections({ perSecond: 1, key: () => '' } as never), 'rateLimitConnections has no option "key": it takes perSecond, burst, per, maxBuckets'],
])('a misspelt option is a TypeError that says what there is: %s', (make, message) => {
  expect(make).toThrow(TypeError);
  expect(make).toThrow(message);
});
