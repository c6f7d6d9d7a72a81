// What both sides share: a service that a program in Go offers too, and where in a registry it stands.
import type { Discovery, Registry } from '@rpcxjs/rpcx';

export interface Where {
  Who(args: { ID: number }): Promise<{ From: string }>;
}

/** What Go calls BasePath. */
export const basePath = '/rpcx_where';

export type OpenRegistry = Registry & Discovery;
