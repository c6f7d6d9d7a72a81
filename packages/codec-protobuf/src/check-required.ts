import type { Field } from './field.ts';
import type { Message, MessageType, TypeOf } from './message-type.ts';

/** The full name of the first required field without a value, however deep; undefined if there is none. */
export function missingField(type: MessageType, message: Message, typeOf: TypeOf): string | undefined {
  for (const field of type.plan.fields) {
    if (field.presence === 'required' && !Object.hasOwn(message, field.name)) return field.label;
    if (field.message === undefined || field.local !== undefined) continue;
    for (const child of childrenOf(field, message)) {
      const missing = missingField(typeOf(field), child, typeOf);
      if (missing !== undefined) return missing;
    }
  }
  return undefined;
}

// The message was made by the reader, so its fields have the forms that their kinds say.
function childrenOf(field: Field, message: Message): readonly Message[] {
  if (field.oneof !== undefined) {
    const chosen = message[field.oneof] as { case?: string; value?: Message };
    return chosen.case === field.name && chosen.value !== undefined ? [chosen.value] : [];
  }
  const value = message[field.name];
  if (value === undefined) return [];
  if (field.kind === 'list') return value as Message[];
  return field.kind === 'map' ? Object.values(value as Record<string, Message>) : [value as Message];
}
