import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { OPERATOR_VOLUMES } from '../tenancy/rules.ts';
import type { Deployment } from './objects.ts';

it('tenancy reserves the name of each volume that the operator makes', () => {
  const golden = join(import.meta.dirname, '../testdata/everything/deployment.golden.yaml');
  const { spec } = parse(readFileSync(golden, 'utf8')) as Deployment;
  const names = spec.template.spec.volumes.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['configuration', 'control-token', 'audit']));
  expect(names.filter((name) => !new RegExp(OPERATOR_VOLUMES).test(name))).toEqual([]);
});
