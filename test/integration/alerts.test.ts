import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import type { PrometheusRule } from '../../operator/desired/objects/prometheusRule.ts';
import { checkRules, operatorRules, testRules } from '../kit/promtool.ts';
import { START_TIMEOUT } from './apiserver.ts';

const ROOT = join(import.meta.dirname, '../..');
const golden = (name: string): PrometheusRule =>
  parse(
    readFileSync(
      join(ROOT, `operator/desired/testdata/${name}/prometheusRule.golden.yaml`),
      'utf8',
    ),
  ) as PrometheusRule;

describe('alerts', () => {
  it.each(['everything', 'pod-template'])(
    'of the agent in golden file %s pass promtool',
    (name) => checkRules(golden(name)),
    START_TIMEOUT,
  );

  it('about the operator pass promtool', () => checkRules(operatorRules()), START_TIMEOUT);

  it(
    'of an agent fire when they should and only then',
    () => testRules(golden('everything'), join(import.meta.dirname, 'alerts/agent.yaml')),
    START_TIMEOUT,
  );

  it(
    'about the operator fire when they should and only then',
    () => testRules(operatorRules(), join(import.meta.dirname, 'alerts/operator.yaml')),
    START_TIMEOUT,
  );

  it('of an agent each have a page that says what to do', () => {
    const { rules } = golden('everything').spec.groups[0]!;
    const pages = rules.map(({ annotations }) => annotations['runbook']!);
    expect(pages.filter((page) => !existsSync(join(ROOT, page)))).toEqual([]);
    expect(pages.length).toBe(11);
  });
});
