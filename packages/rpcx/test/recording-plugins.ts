import { settle, type ClientPlugin, type Connection, type Interceptor, type MaybePromise, type ServerPlugin } from '@rpcxjs/core';

/** What happened, in its order; `take` empties it. */
export interface Log {
  readonly lines: string[];
  take(): string[];
}
export function log(): Log {
  const lines: string[] = [];
  return { lines, take: () => lines.splice(0) };
}

function around<C extends { readonly service: string; readonly method: string }, R>(lines: string[], what: string): Interceptor<C, R> {
  return (next) => {
    lines.push(`${what} composed`);
    return (call) => {
      lines.push(`${what} ${call.service}.${call.method}`);
      return settle<R, MaybePromise<R>>(
        () => next(call),
        (value) => {
          lines.push(`${what} done`);
          return value;
        },
        (error) => {
          lines.push(`${what} failed`);
          throw error;
        },
      ) as MaybePromise<R>; // settle's nested promise flattens
    };
  };
}

/** Writes down every hook of a server plugin. */
export function recordingServer({ lines }: Log, name = 's', only: (hook: string) => boolean = () => true): ServerPlugin {
  const all: ServerPlugin = {
    name,
    start: () => void lines.push(`${name} start`),
    stop: () => void lines.push(`${name} stop`),
    serviceRegistered: ({ name: service, methods }) => void lines.push(`${name} registered ${service}(${methods.join()})`),
    serviceUnregistered: ({ name: service, methods }) => void lines.push(`${name} unregistered ${service}(${methods.join()})`),
    acceptConnection: (connection: Connection) => {
      lines.push(`${name} accept`);
      return connection;
    },
    connectionClosed: (_connection, reason) => void lines.push(`${name} closed${reason === undefined ? '' : ' with a reason'}`),
    frameRead: ({ service, method }) => void lines.push(`${name} read ${service}.${method}`),
    frameWritten: ({ service, method }) => void lines.push(`${name} written ${service}.${method}`),
    heartbeat: () => void lines.push(`${name} heartbeat`),
    intercept: around(lines, `${name} call`),
    interceptPush: around(lines, `${name} push`),
  };
  return picked(all, only);
}

/** Writes down every hook of a client plugin. */
export function recordingClient({ lines }: Log, name = 'c', only: (hook: string) => boolean = () => true): ClientPlugin {
  const all: ClientPlugin = {
    name,
    start: () => void lines.push(`${name} start`),
    stop: () => void lines.push(`${name} stop`),
    connectionOpened: (connection: Connection) => {
      lines.push(`${name} opened`);
      return connection;
    },
    connectionFailed: () => void lines.push(`${name} dial failed`),
    connectionClosed: (_connection, reason) => void lines.push(`${name} closed${reason === undefined ? '' : ' with a reason'}`),
    wrapPicker: (picker, instances) => {
      lines.push(`${name} wraps a picker of ${instances.length}`);
      return {
        pick: (info) => {
          lines.push(`${name} picks`);
          const pick = picker.pick(info);
          return pick && { ...pick, done: (outcome) => (lines.push(`${name} outcome`), pick.done?.(outcome)) };
        },
      };
    },
    frameRead: ({ service, method }) => void lines.push(`${name} read ${service}.${method}`),
    frameWritten: ({ service, method }) => void lines.push(`${name} written ${service}.${method}`),
    intercept: around(lines, `${name} call`),
    interceptAttempt: around(lines, `${name} attempt`),
  };
  return picked(all, only);
}

function picked<P extends { readonly name: string }>(plugin: P, only: (hook: string) => boolean): P {
  return Object.fromEntries(Object.entries(plugin).filter(([hook]) => hook === 'name' || only(hook))) as P; // a plugin with fewer hooks
}
