import { manualClock } from '@rpcxjs/testing';
import { describe, expect, it } from 'vitest';
import { StatelessReset } from './stateless-reset.ts';

const id = Buffer.alloc(16, 9);

describe('a stateless reset', () => {
  it('ends with the token of the id, which the same key makes again and another does not', () => {
    const clock = manualClock();
    const reset = new StatelessReset('key', clock);
    const answer = reset.answer(Buffer.alloc(100), id);
    expect(answer?.subarray(-16).equals(new StatelessReset('key', clock).token(id))).toBe(true);
    expect(reset.token(id).equals(reset.token(Buffer.alloc(16, 8)))).toBe(false);
    expect(reset.token(id).equals(new StatelessReset('another key', clock).token(id))).toBe(false);
    expect((answer?.[0] ?? 0) & 0xc0).toBe(0x40);
  });

  it('is shorter than what it answers, and a short packet gets none', () => {
    const reset = new StatelessReset('key', manualClock());
    expect(reset.answer(Buffer.alloc(1200), id)).toHaveLength(43);
    expect(reset.answer(Buffer.alloc(30), id)).toHaveLength(29);
    expect(reset.answer(Buffer.alloc(21), id)).toBeUndefined();
  });

  it('is sent a thousand times a second at most', () => {
    const clock = manualClock();
    const reset = new StatelessReset('key', clock);
    const answers = (count: number): number => Array.from({ length: count }, () => reset.answer(Buffer.alloc(100), id)).filter((each) => each !== undefined).length;
    expect(answers(3000)).toBe(1000);
    clock.advance(1000);
    expect(answers(5)).toBe(5);
  });
});
