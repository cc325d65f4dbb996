import { describe, expect, it } from '@jest/globals';
import { agentFixture } from '../../testing/fixtures.ts';
import { buildProbes } from './probes.ts';

const { spec } = agentFixture();

describe('buildProbes', () => {
  it('use the port that is open from the start, each with its own page', () => {
    const { startupProbe, livenessProbe, readinessProbe } = buildProbes(spec);
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: '/health', port: 'metrics' },
      { path: '/health/live', port: 'metrics' },
      { path: '/health/ready', port: 'metrics' },
    ]);
  });

  it('have times in seconds', () => {
    const liveness = { period: '1m30s', timeout: '2s', failureThreshold: 4 };
    expect(buildProbes({ probes: { ...spec.probes, liveness } }).livenessProbe).toMatchObject({
      periodSeconds: 90,
      timeoutSeconds: 2,
      failureThreshold: 4,
    });
  });

  it('name the field of a malformed duration', () => {
    const startup = { period: 'often', timeout: '1s', failureThreshold: 1 };
    const probes = { ...spec.probes, startup };
    expect(() => buildProbes({ probes })).toThrow('spec.probes.startup.period is "often"');
  });
});
