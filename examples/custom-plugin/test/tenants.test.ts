// The whole test of a plugin: what everybody expects of one, from @rpcxjs/conformance, and what is particular about this one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conformsLine } from '@rpcxjs/conformance';
import { tenantOf, tenants } from '../src/index.ts';
import { casesOfTenantOf, casesOfTenants } from './cases.ts';

for (const one of [...casesOfTenants, ...casesOfTenantOf]) void test(one.name, one.run);
void test('says at once what it cannot take', () => {
  assert.throws(() => tenants({} as never), TypeError);
  assert.throws(() => tenantOf(''), TypeError);
});
void test('says that both conform', () => {
  console.log(conformsLine('tenants', casesOfTenants));
  console.log(conformsLine('tenantOf', casesOfTenantOf));
});
