import type { Cursor } from './cursor.ts';
import type { Message, MessageType } from './message-type.ts';
import { type TypeOf, readMessage } from './read-message.ts';

export function generateReader(type: MessageType, _typeOf: TypeOf): (cursor: Cursor, depth: number) => Message {
  return (cursor, depth) => {
    const message = type.make();
    readMessage(type, cursor, message, { depth, group: 0 });
    return message;
  };
}
