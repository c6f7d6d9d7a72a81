import { parseAddress } from '@rpcxjs/core';
import type { Acceptor, Address, Dialer } from '@rpcxjs/core';
import { conformanceCase, within } from './case.ts';
import type { ConformanceCase } from './case.ts';
import { dialCases } from './transport-dial.ts';
import { endCases } from './transport-end.ts';
import { flowCases } from './transport-flow.ts';
import { TransportRig } from './transport-rig.ts';
import type { TransportWay } from './transport-rig.ts';
import type { TransportSupports } from './transport-rule.ts';

export interface TransportCasesOptions {
  /** Makes the transport; called once for each case. */
  readonly create: () => Dialer & Acceptor;
  /** Where to listen, for example `tcp@127.0.0.1:0`; the listener says what it became. */
  readonly address: Address | string | (() => Address | string);
  /** Leads connections another way, as `TransportWay` shows. The cases about who listens where, the 64 MiB and the thousand connections are then left to a run without it. @default straight to the listener */
  readonly through?: ((target: Address) => Promise<TransportWay>) | undefined;
  /** What it can do; each is assumed. */
  readonly supports?: TransportSupports | undefined;
  /** The deadline of each case in milliseconds; the long ones have six times that. @default 5000 */
  readonly deadlineMs?: number | undefined;
}

/** The cases that every transport must pass. Give them to any test runner: `for (const one of transportCases({ … })) it(one.name, one.run)`. */
export function transportCases(options: TransportCasesOptions): ConformanceCase[] {
  const { create, supports = {}, deadlineMs = 5000 } = options;
  const where = (): Address => {
    const given = typeof options.address === 'function' ? options.address() : options.address;
    return typeof given === 'string' ? parseAddress(given) : given;
  };
  const rules = [...flowCases, ...endCases, ...dialCases].filter((rule) => options.through === undefined || rule.straight !== true);
  return rules.map((rule) => {
    const missing = [rule.needs ?? []].flat().find((need) => supports[need] === false);
    const skip = missing === undefined ? undefined : `it does not support ${missing}`;
    const limit = rule.long === true ? deadlineMs * 6 : deadlineMs;
    let rig: TransportRig | undefined;
    const one = conformanceCase(`transport: ${rule.name}`, { late: rule.late, skip, deadlineMs: limit }, () => {
      rig = new TransportRig({ transport: create(), where: where(), through: options.through, abortIsHeard: supports.abortIsHeard !== false });
      return rule.check(rig);
    });
    const run = async (): Promise<void> => {
      try {
        await one.run();
      } finally {
        // After the deadline, too.
        await within(limit, 'close() of a listener did not settle', async () => rig?.close());
      }
    };
    return { ...one, run };
  });
}
