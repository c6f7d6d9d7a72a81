import type { CallOptions, ClientPlugin, MaybePromise, ServerPlugin } from '@rpcxjs/core';
import { ConformanceError, conformanceCase, within, type ConformanceCase } from './case.ts';
import { callCases, pushCases } from './plugin-calls.ts';
import { clientHookCases, hookCases, serverHookCases } from './plugin-hooks.ts';
import { pluginService, type PluginLog, type PluginService } from './plugin-service.ts';
import { turns } from './transport-rig.ts';

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

export interface PluginCasesOptions<P> {
  /** Makes the plugin, set up so that it lets every call of the cases through; called once for each case. */
  readonly create: () => P;
  /** Starts a server with the service and a client of it, and gives one of them the plugins, in this order. */
  readonly start: (plugins: readonly P[], service: PluginService) => MaybePromise<PluginRig>;
  /** What it does to calls; each is assumed. */
  readonly supports?: PluginSupports | undefined;
  /** The deadline of each case in milliseconds. @default 5000 */
  readonly deadlineMs?: number | undefined;
}

/** What a plugin leaves as it is. Each is assumed; set the ones to false that it changes on purpose. */
export interface PluginSupports {
  /** A call is run exactly once: false for a cache or for one that tries again. @default true */
  readonly runsOnce?: boolean | undefined;
  /** A call takes no longer than it would without the plugin, give or take: false for one that waits. @default true */
  readonly quick?: boolean | undefined;
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

/** The cases that every server plugin must pass; `start` gives the plugins to the server. */
export function serverPluginCases(options: PluginCasesOptions<ServerPlugin>): ConformanceCase[] {
  return bound([...callCases, ...pushCases, ...hookCases, ...serverHookCases], options);
}

/** The cases that every client plugin must pass; `start` gives the plugins to the client. */
export function clientPluginCases(options: PluginCasesOptions<ClientPlugin>): ConformanceCase[] {
  return bound([...callCases, ...hookCases, ...clientHookCases], options);
}

function bound<P>(rules: readonly PluginRule<P>[], options: PluginCasesOptions<P>): ConformanceCase[] {
  const { supports = {}, deadlineMs = 5000 } = options;
  return rules.map((rule) => {
    const skip = rule.needs !== undefined && supports[rule.needs] === false ? `it does not support ${rule.needs}` : undefined;
    const rigs: PluginRig[] = [];
    let over = false;
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) {
        if (over) throw new ConformanceError('the case is over');
        await turns(1);
      }
    };
    const one = conformanceCase(`plugin: ${rule.name}`, { late: rule.late, skip, deadlineMs }, () => {
      const { service, log } = pluginService();
      const plugin = options.create();
      const start = async (plugins: readonly P[] = [plugin]): Promise<PluginRig> => {
        const rig = await options.start(plugins, service);
        rigs.push(rig);
        return rig;
      };
      return rule.check({ plugin, log, create: options.create, start, until });
    });
    const run = async (): Promise<void> => {
      over = false;
      try {
        await one.run();
      } finally {
        over = true;
        // After the deadline, too.
        await within(deadlineMs, 'the server and the client did not close: does stop() settle?', async () => {
          await Promise.all(rigs.map((rig) => rig.close()));
        });
      }
    };
    return { ...one, run };
  });
}
