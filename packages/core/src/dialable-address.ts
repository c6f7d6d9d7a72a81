import { type Address, parseAddress, splitHostPort } from './address.ts';

/** As `parseAddress`, for a server that is to be dialled: what is behind `tcp@` must be a host and a port. Throws TypeError. */
export function dialableAddress(text: string): Address {
  const address = parseAddress(text);
  if (/^tcp[46]?$/.test(address.network)) splitHostPort(address.host);
  return address;
}
