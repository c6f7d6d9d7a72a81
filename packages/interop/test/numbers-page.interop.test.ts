import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { msgpack } from '@rpcxjs/codec-msgpack';
import { jsonCodec } from '@rpcxjs/core';
import { createClient } from '@rpcxjs/client';
import { tcp } from '@rpcxjs/transport-tcp';
import { startGoServer } from '../src/index.ts';
import { numberTables } from './numbers-table.ts';
import { describeWithGo } from './with-go.ts';

const page = new URL('../../../docs/numbers.md', import.meta.url);
const begin = '<!-- made by packages/interop/test/numbers-page.interop.test.ts -->\n';

describeWithGo('A5: the page about numbers', () => {
  it('says what a Go server says (RPCXJS_WRITE_DOCS=1 writes it)', async () => {
    await using go = await startGoServer();
    await using byMsgpack = createClient({ servers: go.address, transports: [tcp()], codecs: [msgpack] });
    await using byJson = createClient({ servers: go.address, transports: [tcp()], codecs: [jsonCodec] });
    const tables = await numberTables(byMsgpack, byJson);
    const text = readFileSync(page, 'utf8');
    const intro = text.slice(0, text.indexOf(begin) + begin.length);
    if (process.env['RPCXJS_WRITE_DOCS'] === '1') writeFileSync(page, `${intro}\n${tables}`);
    expect(readFileSync(page, 'utf8')).toBe(`${intro}\n${tables}`);
  });
});
