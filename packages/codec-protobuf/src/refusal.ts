import { RpcError } from '@rpcxjs/core';

/** A value that cannot be written. `label` is the full name of the field or message, `expected` what it takes. */
export function refuseValue(label: string, expected: string, value: unknown): never {
  refuseAs(label, expected, shown(value));
}

export function refuseAs(label: string, expected: string, given: string): never {
  throw new RpcError('invalid_argument', `cannot encode ${label}: it takes ${expected}, not ${given}`, { reason: 'BAD_PAYLOAD', sent: false });
}

/** A required field without a value, on the way out. */
export function refuseMissing(label: string): never {
  throw new RpcError('invalid_argument', `cannot encode ${label}: the field is required and has no value; set it`, { reason: 'BAD_PAYLOAD', sent: false });
}

/** Bytes that are no message. `what` says what is wrong at which byte of the payload. */
export function refuseBytes(typeName: string, what: string): never {
  throw new RpcError('invalid_argument', `cannot decode ${typeName}: ${what}; check that both sides use the same .proto`, { reason: 'BAD_PAYLOAD' });
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return String(value);
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}
