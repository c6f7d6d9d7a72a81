// TLS and cryptography take Node milliseconds to load, of the sixty that it needs to start: those who use neither do not wait for them.

export function nodeTls(): typeof import('node:tls') {
  return process.getBuiltinModule('node:tls');
}
export function nodeCrypto(): typeof import('node:crypto') {
  return process.getBuiltinModule('node:crypto');
}
