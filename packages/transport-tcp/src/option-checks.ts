type Check = readonly [holds: (value: unknown) => boolean, wanted: string];

const isPem = (value: unknown): boolean => typeof value === 'string' || value instanceof Uint8Array;
const oneOf = (...words: readonly string[]): Check => [(value) => words.includes(value as string), words.map((word) => `'${word}'`).join(' or ')];
const pem: Check = [isPem, 'PEM text or its bytes'];
const text: Check = [(value) => typeof value === 'string', 'a string'];

const tlsChecks: Readonly<Record<string, Check>> = {
  cert: pem,
  key: pem,
  ca: [(value) => isPem(value) || (Array.isArray(value) && value.every(isPem)), 'PEM text, its bytes, or a list of them'],
  passphrase: text,
  servername: text,
  clientCertificate: oneOf('ignore', 'request', 'require'),
  insecureSkipVerify: [(value) => typeof value === 'boolean', 'true or false'],
  minVersion: oneOf('TLSv1.2', 'TLSv1.3'),
};

/** Throws TypeError for what cannot be the `tls` option of `who`: a wrong kind of value, and a name that is none or one of `without`. */
export function checkTls(who: string, tls: unknown, without: readonly string[] = []): void {
  if (tls === undefined || tls === true) return;
  if (typeof tls !== 'object' || tls === null || Array.isArray(tls)) {
    throw new TypeError(`${who}: tls is ${shown(tls)}; give { cert, key, ca … }, true for a client that trusts the system's authorities, or leave it out`);
  }
  const names = Object.keys(tlsChecks).filter((name) => !without.includes(name));
  for (const [name, value] of Object.entries(tls)) {
    const check = names.includes(name) ? tlsChecks[name] : undefined;
    if (check === undefined) throw new TypeError(`${who} has no option "tls.${name}": it takes ${names.join(', ')}`);
    const [holds, wanted] = check;
    // The value is not shown, because it may be a key or a passphrase.
    if (value !== undefined && !holds(value)) throw new TypeError(`${who}: tls.${name} is ${name === 'passphrase' ? typeof value : shown(value)}; give ${wanted}`);
  }
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
