import { systemClock } from '@rpcxjs/core';
import { expect, it, vi } from 'vitest';
import { throughElection } from './election.ts';

const noLeader = new Error('14 UNAVAILABLE: etcdserver: no leader');
const patience = (timeoutMs: number) => ({ clock: systemClock, timeoutMs, signal: new AbortController().signal });

it('what fails because there is no leader is done again until there is one', async () => {
  const work = vi.fn(async () => 'done').mockRejectedValueOnce(noLeader).mockRejectedValueOnce(noLeader);
  expect(await throughElection(patience(5000), work)).toBe('done');
  expect(work).toHaveBeenCalledTimes(3);
});

it('says that there is none before the deadline says that it is late', async () => {
  const began = performance.now();
  await expect(throughElection(patience(1000), () => Promise.reject(noLeader))).rejects.toBe(noLeader);
  expect(performance.now() - began).toBeLessThan(1000);
});

it('what fails for another reason is not done again', async () => {
  const work = vi.fn(() => Promise.reject(new Error('permission denied')));
  await expect(throughElection(patience(5000), work)).rejects.toThrow('permission denied');
  expect(work).toHaveBeenCalledOnce();
});
