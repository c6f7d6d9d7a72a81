import { FrameView, defaultFrameLimits } from '@rpcxjs/protocol';
import { describe, expect, it } from 'vitest';
import { frame } from '../test/frame.ts';
import { RequestMetadata } from './request-metadata.ts';

function view(metadata: Readonly<Record<string, string>>): FrameView {
  const bytes = frame({ service: 's', method: 'm', metadata });
  const found = new FrameView();
  found.readHeader(bytes, 0);
  expect(found.readBody(bytes, 0, bytes.length, defaultFrameLimits)).toBeUndefined();
  return found;
}

describe('the metadata of a connection\'s requests', () => {
  it('are read once as long as they stay the same, and are frozen', () => {
    const reader = new RequestMetadata(1000);
    reader.read(view({ a: '1', __ServerTimeout: '500' }), 0);
    const { metadata } = reader;
    expect({ ...metadata }).toEqual({ a: '1', __ServerTimeout: '500' });
    expect(Object.isFrozen(metadata)).toBe(true);
    reader.read(view({ a: '1', __ServerTimeout: '500' }), 70);
    expect(reader.metadata).toBe(metadata);
    expect([reader.timeoutMs, reader.deadline]).toEqual([500, 570]);
  });

  it('are read anew when a byte differs, the length is the same or not', () => {
    const reader = new RequestMetadata(1000);
    const values: string[] = [];
    for (const value of ['aa', 'ab', 'aa', 'a', 'aaa', 'a'.repeat(400), `${'a'.repeat(399)}b`, 'aa']) {
      reader.read(view({ key: value }), 0);
      values.push(reader.metadata['key'] ?? '');
    }
    expect(values).toEqual(['aa', 'ab', 'aa', 'a', 'aaa', 'a'.repeat(400), `${'a'.repeat(399)}b`, 'aa']);
  });

  it('of none are empty and without a timeout, also behind others', () => {
    const reader = new RequestMetadata(1000);
    reader.read(view({ __ServerTimeout: '5' }), 0);
    reader.read(view({}), 0);
    expect({ ...reader.metadata }).toEqual({});
    expect(reader.timeoutMs).toBeUndefined();
    reader.read(view({ __ServerTimeout: '5' }), 0);
    expect(reader.timeoutMs).toBe(5);
  });

  it('are not kept for long when they are long: thousands of idle connections would hold them', () => {
    const reader = new RequestMetadata(1000);
    reader.read(view({ key: 'a'.repeat(400), __ServerTimeout: '5' }), 0);
    expect([reader.metadata['key']?.length, reader.timeoutMs]).toEqual([400, 5]);
    reader.handled();
    expect({ ...reader.metadata }).toEqual({});
    reader.read(view({ key: 'short' }), 0);
    const { metadata } = reader;
    reader.handled();
    reader.read(view({ key: 'short' }), 0);
    expect(reader.metadata).toBe(metadata);
  });

  it('cannot ask for more time than is allowed', () => {
    const reader = new RequestMetadata(1000);
    reader.read(view({ __ServerTimeout: '99999999999' }), 0);
    expect(reader.timeoutMs).toBe(1000);
  });
});
