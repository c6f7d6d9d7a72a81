export { tenantOf } from './tenant-of.ts';
export { tenant, tenants } from './tenants.ts';
export type { TenantsOptions, TenantsPlugin } from './tenants.ts';
