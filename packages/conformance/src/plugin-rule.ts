import type { CallOptions } from '@rpcxjs/core';
import type { PluginLog } from './plugin-service.ts';

/** A server and a client, one of them with the plugins, as a case uses them. */
export interface PluginRig {
  call(method: string, input: unknown, options?: CallOptions): Promise<unknown>;
  /** Calls `note` of the service one-way. */
  oneway(input: unknown): Promise<void>;
  /** Calls back for each push of `said`; without it the cases of pushes are skipped by doing nothing. */
  onPush?(listener: (value: unknown) => void): void;
  /** Closes both; called twice by one case. */
  close(): Promise<void>;
}

/** What a plugin leaves as it is. Each is assumed; set the ones to false that it changes on purpose. */
export interface PluginSupports {
  /** A call is run exactly once: false for a cache or for one that tries again. @default true */
  readonly runsOnce?: boolean | undefined;
  /** A call takes no longer than it would without the plugin, give or take: false for one that waits. @default true */
  readonly quick?: boolean | undefined;
  /** Its picker gives another attempt of a call another server, if there is one: false for one that stays with a server. @default true */
  readonly avoids?: boolean | undefined;
}

/** What a case works with. */
export interface PluginBench<P> {
  readonly plugin: P;
  readonly log: PluginLog;
  readonly create: () => P;
  /** Starts a rig with these plugins, or with the one that is tested. */
  start(plugins?: readonly P[]): Promise<PluginRig>;
  /** Resolves when it holds; rejects when the case is over. */
  until(holds: () => boolean): Promise<void>;
}

/** A case of a plugin, before it is bound to one. */
export interface PluginRule<P> {
  readonly name: string;
  /** Said when the deadline passes. */
  readonly late: string;
  readonly needs?: keyof PluginSupports | undefined;
  check(bench: PluginBench<P>): Promise<void> | void;
}
