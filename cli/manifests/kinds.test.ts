import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { definitions } from '../../crds/definitions.ts';
import { boundRows } from '../../test/integration/validation/bounds.ts';
import type { Row } from '../../test/integration/validation/row.ts';
import { checks } from './kinds.ts';

const DIRECTORY = join(import.meta.dirname, '../../test/integration/validation');

const SMALLEST: Record<string, Record<string, unknown>> = {
  AgentDeployment: { model: { endpoints: [{ name: 'primary' }] } },
  CircuitBreakerPolicy: { targetRefs: [{ name: 'triage' }], scope: 'Pod' },
  RateLimitPolicy: {
    targetRefs: [{ name: 'triage' }],
    limits: [{ name: 'requests', refill: { amount: 10, per: '1s' }, capacity: 100 }],
    scope: 'Pod',
  },
};

/** Files with rows for a policy; targets are among them. All others are of agents. */
const POLICIES: Record<string, string> = {
  'circuitbreakerpolicies.ts': 'CircuitBreakerPolicy',
  'ratelimitpolicies.ts': 'RateLimitPolicy',
};

interface Case {
  kind: string;
  row: Row;
}

async function cases(): Promise<Case[]> {
  const files = readdirSync(DIRECTORY).filter((file) => file !== 'targets.ts');
  const modules = await Promise.all(
    files.map(async (file) => {
      const { rows = [] } = (await import(join(DIRECTORY, file))) as { rows?: Row[] };
      return rows.map((row) => ({ kind: POLICIES[file] ?? 'AgentDeployment', row }));
    }),
  );
  return modules.flat();
}

function manifest({ kind, row: [, { metadata, ...rest }] }: Case): Record<string, unknown> {
  const smallest = clone(SMALLEST[kind]!);
  const { spec } = rest;
  const whole = 'spec' in rest && !(spec instanceof Object);
  return clone({
    apiVersion: 'breakwater.dev/v1alpha1',
    kind,
    metadata: metadata ?? { name: 'triage' },
    spec: whole ? spec : { ...smallest, ...(spec as object | undefined) },
  });
}

/** Fields that the API server names in its messages, written as the checks write them. */
function fields([, , ...messages]: Row): string[] {
  return messages.map((message) =>
    message
      .split(':', 1)[0]!
      .replace(/\[([a-z]+)\]/g, '.$1')
      .replace(/^\./, ''),
  );
}

function clone<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}

function dotted(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

describe('the checks of custom resources', () => {
  const byKind = checks();

  it('refuse what the API server refuses, and name the same fields', async () => {
    const all = await cases();
    expect(all.length).toBeGreaterThan(150);
    const differing = all.flatMap((each) => {
      const found = unique(byKind.get(each.kind)!(manifest(each)).map(({ path }) => dotted(path)));
      const expected = fields(each.row);
      if (found.length > 0 && found.every((field) => expected.includes(field))) return [];
      return [{ kind: each.kind, rule: each.row[0], found, expected }];
    });
    expect(differing).toEqual([]);
  });

  it.each(definitions())('refuse values beyond the bounds of $plural', ({ definition, schema }) => {
    const { kind } = definition.spec.names;
    const unnoticed = boundRows(schema, SMALLEST[kind]!).filter(({ spec, field }) => {
      const object = { apiVersion: 'breakwater.dev/v1alpha1', kind, metadata: { name: 'triage' } };
      const found = byKind.get(kind)!(clone({ ...object, spec }));
      return !found.map(({ path }) => dotted(path)).includes(field);
    });
    expect(unnoticed).toEqual([]);
  });

  it.each(Object.keys(SMALLEST))('accept the smallest %s and fill in defaults', (kind) => {
    const object = {
      apiVersion: 'breakwater.dev/v1alpha1',
      kind,
      metadata: { name: 'triage' },
      spec: clone(SMALLEST[kind]!),
    };
    expect(byKind.get(kind)!(object)).toEqual([]);
    expect(object.spec).not.toEqual(SMALLEST[kind]);
  });

  it('treat null as absent for fields with a default, and refuse unknown fields', () => {
    const object = {
      apiVersion: 'breakwater.dev/v1alpha1',
      kind: 'AgentDeployment',
      metadata: { name: 'triage' },
      spec: { ...SMALLEST.AgentDeployment, cache: null, replica: 2 },
    };
    const faults = byKind.get('AgentDeployment')!(object);
    expect(faults.map(({ path }) => dotted(path))).toEqual(['spec.replica']);
    expect(faults[0]!.message).toContain('replicas');
    expect(object.spec.cache).toMatchObject({ mode: 'Disabled' });
  });

  it.each([
    [{ telemetry: { logging: { successRatio: 0.1 } } }, "must be text; write '0.1'"],
    [{ timeouts: { request: 300 } }, "must be a duration with its unit; write '300s'"],
    [{ image: true }, 'must be text; write it in quotes, such as "10"'],
    [
      { requestLimits: { maxBodyBytes: '256MB' } },
      'must be a whole number; write 256000000 for 256MB',
    ],
    [
      { requestLimits: { maxBodyBytes: '1.5 Gi' } },
      'must be a whole number; write 1610612736 for 1.5 Gi',
    ],
  ])('tell of %j how to write it', (spec, message) => {
    const object = {
      apiVersion: 'breakwater.dev/v1alpha1',
      kind: 'AgentDeployment',
      metadata: { name: 'triage' },
      spec: { ...clone(SMALLEST.AgentDeployment!), ...spec },
    };
    expect(byKind.get('AgentDeployment')!(object).map((each) => each.message)).toEqual([message]);
  });

  it('refuse another version of the API, and an impossible name', () => {
    const check = byKind.get('RateLimitPolicy')!;
    const object = { apiVersion: 'breakwater.dev/v1', kind: 'RateLimitPolicy', spec: {} };
    expect(check(object)[0]!.message).toContain('breakwater.dev/v1alpha1');
    const named = {
      apiVersion: 'breakwater.dev/v1alpha1',
      metadata: { name: 'Triage' },
      spec: clone(SMALLEST.RateLimitPolicy),
    };
    expect(check(named).map(({ path }) => dotted(path))).toEqual(['metadata.name']);
  });
});
