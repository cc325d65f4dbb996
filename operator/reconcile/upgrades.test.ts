import { describe, expect, it } from '@jest/globals';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import fc from '../../test/property.ts';
import { CHOICES_ANNOTATION } from '../desired/objects/pods.ts';
import { agentFixture, endpoint, modelOf } from '../testing/fixtures.ts';
import { UPGRADING_ANNOTATION } from '../desired/objects/deployment.ts';
import type { Deployment as Desired } from '../desired/objects/objects.ts';
import { planAgent, podChange } from '../desired/plan.ts';
import type { Deployment } from '../kube/index.ts';
import { Upgrades } from './upgrades.ts';

const LIMIT = 5;
const MAX_FAILURES = 2;

/** Agents, their Deployments as the API has them, and an operator of some version. */
class Scene {
  readonly live = new Map<string, Deployment>();
  readonly woken = new Set<string>();
  image = 'runtime:1';
  upgrades = this.#leader();

  #leader(): Upgrades {
    return new Upgrades({
      limit: LIMIT,
      maxFailures: MAX_FAILURES,
      deployments: [...this.live.values()],
      wake: (key) => this.woken.add(key),
    });
  }

  /** Another process takes over, of another version perhaps. */
  takeOver(image = this.image): void {
    this.image = image;
    this.woken.clear();
    this.upgrades = this.#leader();
  }

  /** The image that pods get; of an agent that waits, with what it waits for. */
  reconcile(agent: AgentDeployment): string {
    const { name } = agent.metadata;
    const live = this.live.get(name);
    const input = {
      agent,
      attachment: { circuits: new Map(), limits: new Map() },
      options: { runtimeImage: this.image, operatorNamespace: 'breakwater-system' },
      ...(live && { live }),
    };
    const upgrade = this.upgrades.admit(`support/${name}`, podChange(input), live);
    const plan = planAgent({ ...input, ...(upgrade && { upgrade }) });
    this.live.set(name, stored(plan.deployment!, live));
    const { image, upgradeTo, upgradeStopped = false } = plan;
    if (upgradeTo === undefined) return image;
    return upgradeStopped ? `${image}, stopped` : `${image} → ${upgradeTo}`;
  }

  finish(name: string): void {
    const deployment = this.live.get(name)!;
    const { replicas = 1 } = deployment.spec;
    deployment.status = {
      observedGeneration: deployment.metadata.generation,
      replicas,
      updatedReplicas: replicas,
      availableReplicas: replicas,
    };
  }

  /** The new pods of a rollout do not become available in time; the old ones stay, if there were any. */
  getStuck(name: string): void {
    const deployment = this.live.get(name)!;
    deployment.status = {
      ...deployment.status,
      observedGeneration: deployment.metadata.generation,
      updatedReplicas: 0,
      conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }],
    };
  }

  /** No pod is available. */
  breakDown(name: string): void {
    const deployment = this.live.get(name)!;
    deployment.status = { ...deployment.status, availableReplicas: 0 };
  }

  /** Names of agents whose pods are being replaced. */
  rolling(): string[] {
    return [...this.live]
      .filter(([, { metadata, status }]) => status?.observedGeneration !== metadata.generation)
      .map(([name]) => name);
  }
}

/** As the API server stores it: another generation when the spec changed. */
function stored(desired: Desired, live: Deployment | undefined): Deployment {
  const changed = JSON.stringify(live?.spec) !== JSON.stringify(desired.spec);
  return {
    ...desired,
    metadata: {
      ...desired.metadata,
      generation: (live?.metadata.generation ?? 0) + (changed ? 1 : 0),
    },
    ...(live?.status && { status: live.status }),
  };
}

const HEADERS = [{ name: 'Authorization', secretKeyRef: { name: 'orders', key: 'token' } }];

/** Every field by which a spec names a Secret or a ConfigMap that is mounted. */
const REFERENCES: Record<string, Partial<AgentDeployment['spec']>> = {
  'the API key of an endpoint': {
    model: modelOf(endpoint('primary', { apiKeySecretRef: { name: 'other', key: 'api-key' } })),
  },
  'the system prompt': { systemPromptFrom: { configMapKeyRef: { name: 'prompts', key: 'a.md' } } },
  'headers of a tool': {
    tools: [
      {
        name: 'find_order',
        description: 'Finds an order.',
        inputSchema: { type: 'object' },
        http: {
          url: 'https://orders.example.com',
          method: 'GET',
          headersFrom: HEADERS,
          maxResponseBytes: 65_536,
        },
        maxConcurrent: 10,
      },
    ],
  },
  'headers of an MCP server': {
    mcpServers: [
      {
        name: 'handbook',
        url: 'https://handbook.example.com/mcp',
        headersFrom: HEADERS,
        checkInterval: '30s',
        maxConcurrent: 10,
        maxResponseBytes: 65_536,
      },
    ],
  },
  'the password of Redis': {
    redis: {
      url: 'redis://redis:6379',
      passwordSecretRef: { name: 'redis', key: 'password' },
    },
  },
  'the API keys of clients': {
    auth: {
      type: 'APIKeys',
      apiKeys: { secretRef: { name: 'callers' } },
    },
  },
};

const many = (count: number): AgentDeployment[] =>
  Array.from({ length: count }, (_, index) => agentFixture(`agent-${index}`));

function settled(scene: Scene, agents: readonly AgentDeployment[]): void {
  for (const agent of agents) {
    scene.reconcile(agent);
    scene.finish(agent.metadata.name);
    scene.reconcile(agent);
  }
}

describe('Upgrades', () => {
  it('gives new agents their image at once', () => {
    const scene = new Scene();
    for (const agent of many(20)) expect(scene.reconcile(agent)).toBe('runtime:1');
    expect(scene.rolling()).toHaveLength(20);
  });

  it('rolls five agents at a time, and the next when one is done', () => {
    const scene = new Scene();
    const agents = many(20);
    settled(scene, agents);
    scene.takeOver('runtime:2');
    for (const agent of agents) scene.reconcile(agent);
    expect(scene.rolling()).toHaveLength(LIMIT);

    scene.finish('agent-0');
    scene.reconcile(agents[0]!);
    expect([...scene.woken]).toEqual(['support/agent-5']);
    expect(scene.reconcile(agents[5]!)).toBe('runtime:2');
    expect(scene.reconcile(agents[6]!)).toBe('runtime:1 → runtime:2');
    expect(scene.rolling()).toHaveLength(LIMIT);
  });

  it('leaves no mark when it is done', () => {
    const scene = new Scene();
    const [agent] = many(1);
    settled(scene, [agent!]);
    scene.takeOver('runtime:2');
    settled(scene, [agent!]);
    const { annotations } = scene.live.get('agent-0')!.metadata;
    expect(annotations).not.toHaveProperty([UPGRADING_ANNOTATION]);
  });

  it('never delays a change of the user', () => {
    const scene = new Scene();
    const agents = many(7);
    settled(scene, agents);
    scene.takeOver('runtime:2');
    for (const agent of agents) scene.reconcile(agent);
    const edited = agentFixture('agent-6', {
      shutdown: { drainTimeout: '1m', handlerTimeout: '30s' },
    });
    expect(scene.reconcile(edited)).toBe('runtime:2');
    const scaled = agentFixture('agent-5', { replicas: 9 });
    expect(scene.reconcile(scaled)).toBe('runtime:1 → runtime:2');
    expect(scene.live.get('agent-5')!.spec.replicas).toBe(9);
  });

  it('does not delay edits of an agent of an earlier operator, which has noted no choices', () => {
    const scene = new Scene();
    const agents = many(6);
    settled(scene, agents);
    for (const { metadata } of scene.live.values()) {
      delete metadata.annotations![CHOICES_ANNOTATION];
    }
    scene.takeOver('runtime:2');
    for (const agent of agents) scene.reconcile(agent);
    const before = scene.live.get('agent-5')!;
    expect(before.metadata.annotations).toHaveProperty([CHOICES_ANNOTATION]);
    const edited = agentFixture('agent-5', { image: 'runtime:mine' });
    expect(scene.reconcile(edited)).toBe('runtime:mine');
  });

  it.each(Object.entries(REFERENCES))('does not delay a changed reference: %s', (_what, spec) => {
    const scene = new Scene();
    const agents = many(6);
    settled(scene, agents);
    scene.takeOver('runtime:2');
    for (const agent of agents) scene.reconcile(agent);
    const before = scene.live.get('agent-5')!;
    expect(scene.reconcile(agentFixture('agent-5', spec))).toBe('runtime:2');
    const { volumes } = scene.live.get('agent-5')!.spec.template.spec as { volumes: unknown };
    expect(volumes).not.toEqual((before.spec.template.spec as { volumes: unknown }).volumes);
  });

  it('passes a place on when its agent is deleted', () => {
    const scene = new Scene();
    const agents = many(6);
    settled(scene, agents);
    scene.takeOver('runtime:2');
    for (const agent of agents) scene.reconcile(agent);
    scene.upgrades.release('support/agent-3');
    expect([...scene.woken]).toEqual(['support/agent-5']);
  });

  it('gives agents that serve no requests no place, so that they delay no others', () => {
    const scene = new Scene();
    const agents = many(12);
    settled(scene, agents);
    for (const { metadata } of agents.slice(0, 6)) scene.breakDown(metadata.name);
    scene.takeOver('runtime:2');
    for (const agent of agents) scene.reconcile(agent);
    expect(scene.upgrades.counts()).toEqual({
      ...{ waiting: 1, stopped: 0, rolling: LIMIT, repairing: 6, failed: 0 },
    });
    // The next leader knows, and what was broken before counts as no failure.
    scene.takeOver();
    for (const { metadata } of agents.slice(0, 6)) scene.getStuck(metadata.name);
    for (const agent of agents) scene.reconcile(agent);
    expect(scene.upgrades.counts()).toMatchObject({ rolling: LIMIT, repairing: 6, failed: 0 });
    for (const { metadata } of agents.slice(0, 6)) scene.finish(metadata.name);
    for (const agent of agents) scene.reconcile(agent);
    expect(scene.upgrades.counts()).toMatchObject({ repairing: 0 });
    expect(scene.live.get('agent-0')!.metadata.annotations).not.toHaveProperty([
      UPGRADING_ANNOTATION,
    ]);
  });

  it('stops when it has made two agents worse, also after a change of leader, until one recovers', () => {
    const scene = new Scene();
    const agents = many(12);
    settled(scene, agents);
    scene.takeOver('runtime:2');
    for (const agent of agents) scene.reconcile(agent);
    scene.getStuck('agent-0');
    scene.reconcile(agents[0]!);
    expect([...scene.woken]).toEqual(['support/agent-5']);
    expect(scene.reconcile(agents[5]!)).toBe('runtime:2');

    scene.woken.clear();
    scene.getStuck('agent-1');
    scene.reconcile(agents[1]!);
    expect([...scene.woken]).toEqual([6, 7, 8, 9, 10, 11].map((i) => `support/agent-${i}`));
    expect(scene.reconcile(agents[6]!)).toBe('runtime:1, stopped');
    scene.takeOver();
    for (const agent of agents) scene.reconcile(agent);
    expect(scene.reconcile(agents[6]!)).toBe('runtime:1, stopped');
    expect(scene.upgrades.counts()).toMatchObject({
      stopped: 6,
      waiting: 0,
      rolling: 4,
      failed: 2,
    });

    scene.woken.clear();
    scene.finish('agent-1');
    scene.reconcile(agents[1]!);
    expect([...scene.woken]).toContain('support/agent-6');
    expect(scene.reconcile(agents[6]!)).toBe('runtime:2');
  });

  it('continues with a newer version, which also rolls the agents that the former one broke', () => {
    const scene = new Scene();
    const agents = many(8);
    settled(scene, agents);
    scene.takeOver('runtime:2');
    for (const agent of agents) scene.reconcile(agent);
    for (const name of ['agent-0', 'agent-1']) scene.getStuck(name);
    for (const agent of agents) scene.reconcile(agent);
    scene.takeOver('runtime:3');
    for (const agent of agents) scene.reconcile(agent);
    expect(scene.upgrades.stopped).toBe(false);
    for (const name of ['agent-0', 'agent-1']) {
      expect(scene.reconcile(agents.find(({ metadata }) => metadata.name === name)!)).toBe(
        'runtime:3',
      );
    }
  });

  it('keeps the image of an agent with runtimeUpgrade Manual until it is Automatic', () => {
    const scene = new Scene();
    const manual = agentFixture('agent-0', { runtimeUpgrade: 'Manual' });
    settled(scene, [manual]);
    scene.takeOver('runtime:2');
    expect(scene.reconcile(manual)).toBe('runtime:1');
    expect(scene.rolling()).toEqual([]);
    expect(scene.reconcile(agentFixture('agent-0'))).toBe('runtime:2');
  });

  it('never rolls more than five and ends with all, for any order of events and any leaders', () => {
    const step = fc.oneof(
      fc.record({ reconcile: fc.nat(19) }),
      fc.record({ finish: fc.nat(19) }),
      fc.record({ takeOver: fc.constant(true) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const scene = new Scene();
        const agents = many(20);
        settled(scene, agents);
        scene.takeOver('runtime:2');
        for (const one of steps) {
          if ('reconcile' in one) scene.reconcile(agents[one.reconcile]!);
          else if ('finish' in one) scene.finish(`agent-${one.finish}`);
          else scene.takeOver();
          expect(scene.rolling().length).toBeLessThanOrEqual(LIMIT);
        }
        // As the watch of Deployments and the queue would have it.
        for (const agent of agents) scene.reconcile(agent);
        for (let round = 0; round < 10; round += 1) {
          for (const name of scene.rolling()) scene.finish(name);
          for (const agent of agents) scene.reconcile(agent);
        }
        const images = [...scene.live.values()].map(
          ({ spec }) =>
            (spec.template.spec as unknown as { containers: { image: string }[] }).containers[0]!
              .image,
        );
        expect(new Set(images)).toEqual(new Set(['runtime:2']));
      }),
      { numRuns: 30 },
    );
  });
});
