import type { IncomingMessage } from 'node:http';
import type { WebSocketOptions } from './ws-options.ts';

/**
 * Why a request may not become a WebSocket, undefined if it may. A browser sends the origin of the page with it, and any page on the web can
 * dial any server with the cookies of its user: so pages of other origins are refused unless they are allowed.
 */
export function originRefusal(request: IncomingMessage, origins: WebSocketOptions['origins']): string | undefined {
  const { origin, host } = request.headers;
  if (origin === undefined) return undefined;
  if (typeof origins === 'function') {
    const answer: unknown = origins(origin, request);
    if (typeof answer !== 'boolean') throw new TypeError(`the function origins returned ${answer instanceof Promise ? 'a promise' : typeof answer}; it decides at once, with true or false`);
    return answer ? undefined : `pages of ${origin} may not connect, says the function origins`;
  }
  if (origins !== undefined) return origins.includes(origin) ? undefined : `pages of ${origin} may not connect: put it into origins to allow it`;
  const own = URL.canParse(origin) ? new URL(origin).host : undefined;
  if (own !== undefined && host !== undefined && own === hostOf(host, origin)) return undefined;
  return `pages of ${origin} may not connect to ${host ?? 'this server'}: put it into origins to allow it`;
}

/** The host as it is in an origin: without the default port of the scheme. */
function hostOf(host: string, origin: string): string | undefined {
  const url = `${origin.startsWith('https:') ? 'https' : 'http'}://${host}`;
  return URL.canParse(url) ? new URL(url).host : undefined;
}
