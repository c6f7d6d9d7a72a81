import type { Connection, ConnectionSink, Transport } from '@rpcxjs/core';

/** As rpcx does, the dialling side speaks first: the stream is there for the other side when its first byte has come. The cases let either side begin. */
export function spokenFirst(transport: Transport): Transport {
  return {
    networks: transport.networks,
    async dial(address, options) {
      const connection = await transport.dial(address, options);
      connection.write(Uint8Array.of(0));
      return connection;
    },
    listen: (address, options) => transport.listen(address, { ...options, accept: (connection) => options.accept(withoutFirstByte(connection)) }),
  };
}

function withoutFirstByte(connection: Connection): Connection {
  const start = connection.start.bind(connection);
  connection.start = (sink: ConnectionSink): void => {
    let first = true;
    start({
      data(chunk) {
        const rest = first ? chunk.subarray(1) : chunk;
        first = false;
        if (rest.length > 0) sink.data(rest);
      },
      drain: () => sink.drain(),
      closed: (reason) => sink.closed(reason),
    });
  };
  return connection;
}
