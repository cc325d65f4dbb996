import { describe, expect, it } from '@jest/globals';
import { permissions } from './permissions.ts';

const all = (['Agents', 'Operator', 'Cluster'] as const).flatMap((scope) =>
  permissions(scope).map((rule) => ({ scope, ...rule })),
);

describe('permissions', () => {
  it('name every group, resource and verb', () => {
    expect(all.length).toBeGreaterThan(0);
    expect(JSON.stringify(all)).not.toContain('*');
    for (const rule of all) expect(rule.verbs).not.toHaveLength(0);
  });

  it("touch no Secret but the operator's own", () => {
    const secrets = all.filter(({ resources }) => resources.includes('secrets'));
    expect(secrets).toEqual([
      {
        scope: 'Operator',
        apiGroups: [''],
        resources: ['secrets'],
        only: 'authoritySecret',
        verbs: expect.not.arrayContaining(['create', 'list', 'watch']),
      },
      { scope: 'Operator', apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
    ]);
  });

  it('need only the review of tokens in the whole cluster', () => {
    expect(permissions('Cluster')).toEqual([
      { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
    ]);
  });

  it('join rules with the same verbs, but keep the status of our kinds separate', () => {
    const ours = permissions('Agents').filter(({ apiGroups }) => apiGroups[0] === 'breakwater.dev');
    const kinds = ['agentdeployments', 'circuitbreakerpolicies', 'ratelimitpolicies'];
    const written = kinds.map((kind) => `${kind}/status`);
    expect(ours).toEqual([
      { apiGroups: ['breakwater.dev'], resources: kinds, verbs: ['list', 'watch'] },
      {
        apiGroups: ['breakwater.dev'],
        resources: expect.arrayContaining([...written, 'agentdeployments/finalizers']),
        verbs: ['update'],
      },
    ]);
  });
});
