import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { outcome } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const PRESETS = join(import.meta.dirname, '../../config/presets');

function manifest<T>(preset: string, file: string): T {
  return parse(readFileSync(join(PRESETS, preset, `${file}.yaml`), 'utf8')) as T;
}

/** The preset's agent with the simulated model and one small pod. */
function agentOf(preset: string, baseURL: string): Record<string, unknown> {
  const agent = manifest<AgentDeployment>(preset, 'agent');
  const containers = [{ name: 'agent', resources: { requests: { cpu: '20m', memory: '64Mi' } } }];
  return {
    ...agent,
    spec: {
      ...agent.spec,
      replicas: 1,
      model: { endpoints: [{ name: 'primary', baseURL }] },
      podTemplate: { spec: { containers } },
    },
  };
}

/** The policy with a circuit that closes once. */
function closed(policy: CircuitBreakerPolicy): Record<string, unknown> {
  return { ...policy, spec: { ...policy.spec, resetToken: 'closed' } };
}

describe.each([
  ['development', 10, 9701],
  ['production', 5, 9702],
])('the preset %s', (preset, failures, port) => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let pod: PodClient;

  beforeAll(async () => {
    sandbox = await Sandbox.open(`preset-${preset}`);
    model = await sandbox.model('oracle', port);
    await sandbox.apply(
      agentOf(preset, model.baseURL),
      manifest(preset, 'circuit-breaker'),
      manifest(preset, 'rate-limit'),
    );
    await sandbox.agents.waitForAgent('assistant');
    pod = (await sandbox.ways('assistant'))[0]!;
  });

  afterAll(() => sandbox.close());

  it('opens the circuit after its number of failed requests', async () => {
    await model.control.setFault({ status: 500 });
    let failed = 0;
    await pod.until(
      'the circuit is open',
      (answer) => {
        if (answer.status === 500) failed += 1;
        return outcome(answer) === '503 CircuitBreakerOpen';
      },
      { timeoutMs: 60_000, everyMs: 250 },
    );
    // Retries of a failed request do not count in the row.
    expect(failed).toBe(failures);
    await model.control.setFault(undefined);
    await sandbox.apply(closed(manifest(preset, 'circuit-breaker')));
    const { name } = manifest<CircuitBreakerPolicy>(preset, 'circuit-breaker').metadata;
    await sandbox.agents.waitForBreaker(name, 'Closed', ({ status }) => status?.state === 'Closed');
  });

  it('admits its burst and rejects further requests', async () => {
    const { capacity } = manifest<RateLimitPolicy>(preset, 'rate-limit').spec.limits[0]!;
    const outcomes: string[] = [];
    const count = (which: string): number => outcomes.filter((each) => each === which).length;
    // Sends until the bucket is empty, because a slow machine may send no faster than the bucket refills.
    await waitFor(
      'a request is limited',
      async () => {
        const sent = Array.from({ length: Math.ceil(capacity * 1.5) }, () => pod.send());
        outcomes.push(...(await Promise.all(sent)).map(outcome));
        return count('429 RateLimited');
      },
      (limited) => limited > 0,
      { timeoutMs: 60_000 },
    );
    expect(count('200')).toBeGreaterThanOrEqual(capacity);
    // Tokens that refill meanwhile may admit requests to a full queue of the bulkhead.
    const known = count('200') + count('429 RateLimited') + count('503 BulkheadFull');
    expect(known).toBe(outcomes.length);
  });
});
