import type { Sandbox } from '../e2e/sandbox.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { observeTraffic } from '../demo/scene.ts';
import { restarts } from '../kit/agents.ts';
import type { RemoteTraffic } from '../kit/simulator.ts';
import { since, type TrafficReport } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';

/** Serves all the time. Its pods are replaced by each move. */
export const SHOP = 'shop';
/** Held by breakwater.dev/paused while its circuit is open, so that its pods stay. */
export const HELD = 'held';
/** Has an open circuit too, and pods that are replaced by each move. */
export const FRESH = 'fresh';

const REPLICAS = { [SHOP]: 2, [HELD]: 2, [FRESH]: 1 } as const;
type AgentName = keyof typeof REPLICAS;

/** Requests to the agent that serves: streams, each over a connection of its own, and others over connections that stay. */
const GENERATORS = ['streams', 'kept'] as const;

/** Of a limit with room for what is sent. */
const ROOM = { capacity: 1_000, amount: 100, per: '1s' };

/** How an open circuit answers. */
const REJECTED = '503 CircuitBreakerOpen';

/**
 * What only this release knows. The limit is not one of the agent that serves: a limit with scope Fleet can reject
 * requests for a moment when another operator leads.
 */
const NEWER_FIELDS = [
  {
    resource: 'agentdeployments',
    name: SHOP,
    spec: {
      conversation: { maxTurns: 7 },
      retry: { maxRetryAfter: '4s', maxProviderWait: '2m' },
      timeouts: { run: '9m' },
      telemetry: { logging: { successRatio: '0.5' } },
    },
  },
  {
    resource: 'circuitbreakerpolicies',
    name: SHOP,
    spec: {
      scope: 'Fleet',
      fleet: { quorum: 60 },
      halfOpen: { queueTimeout: '5s' },
    },
  },
  {
    resource: 'ratelimitpolicies',
    name: FRESH,
    spec: { scope: 'Fleet', fleet: { withoutLeader: 'Allow', storeTimeout: '300ms' } },
  },
] as const;

/** Outcomes since the step before, by what was asked. */
export interface Seen {
  /** Answers of the agent that serves, and what was none. */
  sent: number;
  failures: { outcome: string; count: number }[];
  /** Answers of the agent whose circuit is open, and those that an open circuit did not reject. */
  held: number;
  passed: number;
}

/** Agents, their policies, and requests to them that do not stop while Breakwater is replaced. */
export class Scene {
  readonly sandbox: Sandbox;
  readonly #generators: { shop: RemoteTraffic[]; held: RemoteTraffic };
  #before: { shop: TrafficReport[]; held: TrafficReport } | undefined;

  private constructor(sandbox: Sandbox, shop: RemoteTraffic[], held: RemoteTraffic) {
    this.sandbox = sandbox;
    this.#generators = { shop, held };
  }

  /** Makes the agents, opens two circuits, and begins to send. */
  static async open(sandbox: Sandbox): Promise<Scene> {
    const [well, ill, streams, kept, held] = await Promise.all([
      sandbox.model('well', 9009),
      sandbox.model('ill', 9019),
      sandbox.traffic('streams', 9010),
      sandbox.traffic('kept', 9020),
      sandbox.traffic('clients', 9030),
    ]);
    const agent = (name: AgentName, baseURL: string): Record<string, unknown> =>
      sandbox.agent({ name, replicas: REPLICAS[name], baseURL });
    const long = { openDuration: '2h', maxOpenDuration: '2h' };
    await sandbox.apply(
      agent(SHOP, well.baseURL),
      agent(HELD, ill.baseURL),
      agent(FRESH, ill.baseURL),
      sandbox.breaker(SHOP, SHOP),
      sandbox.limit(SHOP, SHOP, ROOM),
      sandbox.limit(FRESH, FRESH, ROOM),
      sandbox.breaker(HELD, HELD, long),
      sandbox.breaker(FRESH, FRESH, long),
    );
    for (const name of [SHOP, HELD, FRESH]) await sandbox.served(name, streams);
    const scene = new Scene(sandbox, [streams, kept], held);
    await ill.control.setFault({ status: 500 });
    await Promise.all([scene.#openCircuits(HELD, held), scene.#openCircuits(FRESH, held)]);
    // From now on the model is well: whatever answers 200 has forgotten that its circuit is open.
    await ill.control.setFault(undefined);
    await streams.run({ url: sandbox.url(SHOP), rate: 10, stream: true });
    await kept.run({ url: sandbox.url(SHOP), rate: 10, keepAlive: true });
    await held.run({ url: sandbox.url(HELD), rate: 5 });
    await observeTraffic(kept, 50);
    return scene;
  }

  async #openCircuits(name: AgentName, traffic: RemoteTraffic): Promise<void> {
    await waitFor(
      `the circuits of ${name} are open in all pods`,
      async () => {
        await traffic.burst({ url: this.sandbox.url(name), count: 10, concurrency: 5 });
        return this.openPods(name);
      },
      (open) => open === REPLICAS[name],
      { timeoutMs: 90_000 },
    );
  }

  /** Pods in which the agent's circuit is open, as its policy says. */
  async openPods(name: AgentName): Promise<number> {
    const { status } = await this.sandbox.agents.breaker(name);
    return status?.pods?.open ?? 0;
  }

  /** What became of the requests since the last look. */
  async look(): Promise<Seen> {
    const { shop, held } = this.#generators;
    const now = { shop: await Promise.all(shop.map(answered)), held: await answered(held) };
    const before = this.#before;
    this.#before = now;
    const reports = now.shop.map((each, i) => (before ? since(before.shop[i]!, each) : each));
    const rejections = before ? since(before.held, now.held) : now.held;
    const failures = reports.flatMap(({ outcomes }, i) =>
      Object.entries(outcomes)
        .filter(([outcome]) => outcome !== '200')
        .map(([outcome, count]) => ({ outcome: `${GENERATORS[i]}: ${outcome}`, count })),
    );
    return {
      sent: total(reports.map((each) => each.answered)),
      failures,
      held: rejections.answered,
      passed: rejections.answered - (rejections.outcomes[REJECTED] ?? 0),
    };
  }

  /** Waits until the agents that are not held run the image in all pods, and enforce their policies. */
  async settled(image: string): Promise<void> {
    const { agents } = this.sandbox;
    for (const name of [SHOP, FRESH] as const) {
      await waitFor(
        `all pods of ${name} run ${image}`,
        () => agents.pods(name),
        (pods) =>
          pods.length === REPLICAS[name] && pods.every(({ spec }) => imageOf(spec) === image),
        { timeoutMs: 240_000 },
      );
      await agents.waitForAgent(name);
    }
  }

  /** Holds the agent, as operations.md says. */
  async hold(): Promise<void> {
    const annotations = { 'breakwater.dev/paused': 'true' };
    const { api, namespace } = this.sandbox;
    await api.mergePatch('agentdeployments', namespace, HELD, { metadata: { annotations } });
  }

  /** The pods of the agent that is held, with how often their containers started anew. */
  async heldPods(): Promise<string> {
    return JSON.stringify(restarts(await this.sandbox.agents.pods(HELD)));
  }

  /** Uses what only this release has, and waits until all pods do. */
  async setNewerFields(): Promise<void> {
    const { agents, api, namespace } = this.sandbox;
    for (const { resource, name, spec } of NEWER_FIELDS)
      await api.mergePatch(resource, namespace, name, { spec });
    for (const name of [SHOP, FRESH]) await agents.waitForAgent(name);
  }

  /** Newer fields that have the value that was set, and all of them. */
  async newerFields(): Promise<{ kept: number; all: number; lost: string[] }> {
    const { api, namespace } = this.sandbox;
    const lost: string[] = [];
    let all = 0;
    for (const { resource, name, spec } of NEWER_FIELDS) {
      type Stored = KubernetesObject & { spec: object };
      const stored = await api.get<Stored>(resource, namespace, name);
      const found = leaves(stored.spec);
      for (const [path, value] of leaves(spec)) {
        all += 1;
        if (found.get(path) !== value) lost.push(`${resource}: spec${path}`);
      }
    }
    return { kept: all - lost.length, all, lost };
  }
}

/** A report in which nearly all that was sent is answered: no more than one request is under way. */
function answered(traffic: RemoteTraffic): Promise<TrafficReport> {
  return waitFor(
    'what was sent is answered',
    () => traffic.report(),
    (report) => report.sent - report.answered <= 1,
  );
}

/** Values of an object by their paths. */
function leaves(value: object, path = ''): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name, each] of Object.entries(value) as [string, unknown][]) {
    const here = `${path}.${name}`;
    if (typeof each === 'object' && each !== null)
      for (const [below, leaf] of leaves(each, here)) found.set(below, leaf);
    else found.set(here, each);
  }
  return found;
}

const total = (numbers: readonly number[]): number => numbers.reduce((sum, n) => sum + n, 0);

function imageOf(spec: Record<string, unknown>): string | undefined {
  const [container] = spec['containers'] as { image?: string }[];
  return container?.image;
}
