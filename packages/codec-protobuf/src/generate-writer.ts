import type { ByteWriter } from '@rpcxjs/core';
import type { Message, MessageType } from './message-type.ts';
import type { TypeOf } from './read-message.ts';

export function generateWriter(type: MessageType, _typeOf: TypeOf): (message: Message, writer: ByteWriter, depth: number) => void {
  return (message, writer, depth) => {
    for (const write of type.writers) write(message, writer, depth);
  };
}
