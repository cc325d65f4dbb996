import { describe, expect, it } from '@jest/globals';
import { agentFixture } from '../../testing/fixtures.ts';
import type { PodTemplate } from './objects.ts';
import { podChoices } from './podChoices.ts';
import { buildPodTemplate } from './podTemplate.ts';

const withPatch = (patch: Record<string, unknown>): PodTemplate => {
  const agent = agentFixture('triage', { podTemplate: patch });
  return buildPodTemplate(agent, podChoices(agent), { image: 'runtime' });
};

describe('buildPodTemplate', () => {
  it('keeps the labels by which the operator finds pods', () => {
    const labels = { 'breakwater.dev/agent': 'other', 'app.kubernetes.io/name': null, team: 'x' };
    expect(withPatch({ metadata: { labels } }).metadata.labels).toEqual({
      'app.kubernetes.io/name': 'breakwater-agent',
      'app.kubernetes.io/instance': 'triage',
      'app.kubernetes.io/managed-by': 'breakwater',
      'breakwater.dev/agent': 'triage',
      team: 'x',
    });
    expect(withPatch({ metadata: { labels: { $patch: 'delete' } } }).metadata.labels).toMatchObject(
      {
        'breakwater.dev/agent': 'triage',
      },
    );
  });

  it.each([
    [{ spec: { containers: [{ name: 'agent', $patch: 'delete' }] } }, 'removes container agent'],
    [{ spec: { containers: [{ $patch: 'replace' }] } }, 'removes container agent'],
    [{ spec: { $patch: 'replace' } }, 'removes container agent'],
    [{ containers: [] }, 'spec.podTemplate.containers is not part of a pod template'],
    [{ spec: [] }, 'spec.podTemplate.spec must be an object'],
    [{ spec: null }, 'spec.podTemplate.spec must be an object'],
    [
      { spec: { containers: [{ name: 'runtime', env: [{ name: 'A', value: 'b' }] }] } },
      "spec.podTemplate.spec.containers[runtime].image is missing; set it. The runtime's container is named agent",
    ],
    [
      { spec: { initContainers: [{ name: 'first' }] } },
      'spec.podTemplate.spec.initContainers[first].image is missing; set it',
    ],
    [
      { spec: { containers: [{ name: 'agent', resources: { limits: { memory: '256MB' } } }] } },
      'spec.podTemplate.spec.containers[agent].resources.limits.memory: 256MB is not a quantity; write 256Mi',
    ],
    [
      { spec: { containers: [{ name: 'agent', resources: { requests: { cpu: 'half' } } }] } },
      'spec.podTemplate.spec.containers[agent].resources.requests.cpu: half is not a quantity; write 256Mi or 500m',
    ],
  ])('refuses %j', (patch, message) => {
    expect(() => withPatch(patch)).toThrow(message);
  });

  it.each(['256Mi', '1.5Gi', '500m', '2', '1e9', '128974848', '100k', 1])(
    'accepts the quantity %s',
    (memory) => {
      const containers = [{ name: 'agent', resources: { limits: { memory } } }];
      expect(() => withPatch({ spec: { containers } })).not.toThrow();
    },
  );

  it.each<[string, unknown, string]>([
    ['bytes', { nodeName: 'x'.repeat(131_072) }, 'spec.podTemplate has more than 131072 bytes'],
    [
      'levels',
      JSON.parse(`${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}`),
      'more than 32 levels deep',
    ],
    [
      'lists in lists',
      JSON.parse(`{"a":${'['.repeat(32)}${']'.repeat(32)}}`),
      'more than 32 levels',
    ],
  ])('refuses too many %s', (_, spec, message) => {
    expect(() => withPatch({ spec })).toThrow(message);
  });
});
