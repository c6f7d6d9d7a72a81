import type { ClientPlugin, MaybePromise, ServerPlugin } from '@rpcxjs/core';
import { ConformanceError, conformanceCase, within, type ConformanceCase } from './case.ts';
import { callCases, pushCases } from './plugin-calls.ts';
import { clientHookCases, hookCases, serverHookCases } from './plugin-hooks.ts';
import type { PluginRig, PluginRule, PluginSupports } from './plugin-rule.ts';
import { pluginService, type PluginService } from './plugin-service.ts';
import { turns } from './transport-rig.ts';

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
