import { afterAll, beforeAll, expect, it } from 'vitest';
import { type GoClient, type GoServer, readFrames, startGoClient, startGoServer, startRecorder, writeFrame } from '../src/index.ts';
import { describeWithGo } from './with-go.ts';

describeWithGo('Go peers', () => {
  let server: GoServer;
  let client: GoClient;
  beforeAll(async () => {
    [server, client] = await Promise.all([startGoServer(), startGoClient()]);
  });
  afterAll(async () => {
    await Promise.all([server.process.stop(), client.process.stop()]);
  });

  it('a Go client calls a Go server, and the recorder between them sees the frames', async () => {
    await using recorder = await startRecorder(server.address);
    const connection = await client.connect({ servers: [recorder.address] });
    const answer = await connection.call('Arith', 'Mul', { shape: 'Args', args: { A: 6, B: 7 }, reply: 'Reply' });
    expect(answer).toMatchObject({ value: { C: 42 }, sees: '&C=42' });
    await connection.close();
    expect(recorder.sent().map(({ service, method, serialize, seq }) => ({ service, method, serialize, seq }))).toEqual([{ service: 'Arith', method: 'Mul', serialize: 3, seq: 0n }]);
    expect(recorder.received().map(({ flags }) => flags)).toEqual([0x80]);
  });

  it('Go answers a frame that the witness wrote, and the witness reads back what it wrote', async () => {
    const frame = { flags: 0, serialize: 0, seq: 2n ** 63n + 1n, service: 'Bytes', method: 'Echo', metadata: { k: 'v', '': '服务' }, payload: Buffer.from([0, 255]) };
    expect(readFrames(writeFrame(frame))).toEqual({ frames: [frame], rest: Buffer.alloc(0) });
    const connection = await client.connect({ servers: [server.address] });
    expect(await connection.raw('Bytes', 'Echo', { seq: 2n ** 53n + 1n, argsHex: '00ff' })).toMatchObject({ hex: '00ff' });
    await connection.close();
  });

  it('a stopped Go server is gone, and the Go client says so', async () => {
    const short = await startGoServer();
    const connection = await client.connect({ servers: [short.address] });
    await short.process.kill();
    expect((await connection.call('Arith', 'Mul', { shape: 'Args', reply: 'Reply' })).error).toMatch(/unexpected EOF|connection is shut down|reset|broken pipe/);
  });
});
