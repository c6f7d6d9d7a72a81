// Node's modules for TLS and cryptography take milliseconds to load, of some sixty that a program needs to start, so they are loaded only when used.

export function nodeTls(): typeof import('node:tls') {
  return process.getBuiltinModule('node:tls');
}
export function nodeCrypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}
