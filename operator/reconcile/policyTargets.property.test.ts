import { expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { planAgent } from '../desired/plan.ts';
import type { Policy } from '../desired/policies/attachment.ts';
import type { Pod } from '../kube/index.ts';
import type { PodReport } from '../links/index.ts';
import type { FleetCircuitStatus } from '../fleet/circuits/fleetCircuits.ts';
import {
  agentFixture,
  breakerFixture,
  limitFixture,
  OPTIONS,
  selector,
  target,
} from '../testing/fixtures.ts';
import { circuit, limit, snapshot } from '../testing/observations.ts';
import { AgentNotifier } from './agentNotifier.ts';
import type { AgentState } from './agentState.ts';
import { Attachments } from './attachments.ts';
import { StatusReconciler, type StatusReconcilerOptions } from './statuses.ts';

const AGENTS = ['a', 'b', 'c'];
const HASHES = ['one', 'two'] as const;
const START = Date.parse('2026-11-21T10:00:00Z');

const agentName = fc.constantFrom(...AGENTS);
const usually = fc.integer({ min: 0, max: 5 }).map((dice) => dice > 0);
const uid = fc.tuple(agentName, fc.constantFrom('1', '2')).map((parts) => parts.join('-'));

type Step =
  | { kind: 'Agent'; name: string; isThere: boolean; tier: string }
  | { kind: 'Policy'; of: Policy['kind']; edit: number; by: 'gold' | 'a' | 'none' }
  | { kind: 'Reconcile'; name: string; hash: (typeof HASHES)[number] }
  | { kind: 'Forget'; name: string }
  | { kind: 'Pod'; uid: string; isThere: boolean; leaves: boolean }
  | { kind: 'Report'; uid: string; report: Partial<PodReport>; worst: 'Open' | 'Closed' }
  | { kind: 'Fleet'; name: string; votes: string }
  | { kind: 'Wait'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('Agent' as const),
    ...{ name: agentName, isThere: usually, tier: fc.constantFrom('gold', 'gold', 'silver') },
  }),
  fc.record({
    kind: fc.constant('Policy' as const),
    of: fc.constantFrom('CircuitBreakerPolicy' as const, 'RateLimitPolicy' as const),
    edit: fc.nat(2),
    by: fc.constantFrom('gold', 'gold', 'a', 'none'),
  }),
  {
    arbitrary: fc.record({
      kind: fc.constant('Reconcile' as const),
      ...{ name: agentName, hash: fc.constantFrom(...HASHES) },
    }),
    weight: 6,
  },
  fc.record({ kind: fc.constant('Forget' as const), name: agentName }),
  {
    arbitrary: fc.record({
      kind: fc.constant('Pod' as const),
      ...{ uid, isThere: usually, leaves: usually.map((is) => !is) },
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      kind: fc.constant('Report' as const),
      uid,
      worst: fc.constantFrom('Open', 'Closed'),
      report: fc.record({
        connected: usually,
        pending: usually.map((is) => !is),
        hash: fc.constantFrom(...HASHES),
      }),
    }),
    weight: 6,
  },
  fc.record({
    kind: fc.constant('Fleet' as const),
    name: agentName,
    votes: fc.constantFrom('1/2', '2/2'),
  }),
  fc.record({ kind: fc.constant('Wait' as const), ms: fc.constantFrom(100, 1_500, 5_000) }),
);

/** Everything that the status of policies is made of. */
class World {
  readonly #agents = new Map<string, AgentDeployment>();
  readonly #policies = new Map<Policy['kind'], Policy>();
  readonly #states = new Map<string, AgentState>();
  readonly #pods = new Map<string, Pod>();
  readonly #reports = new Map<string, PodReport>();
  readonly #fleets = new Map<string, FleetCircuitStatus[]>();
  readonly #notifier = new AgentNotifier();
  readonly #attachments: Attachments;
  #nowMs = START;

  constructor() {
    this.#attachments = new Attachments({
      agents: { list: () => [...this.#agents.values()] },
      breakers: { list: () => this.#ofKind('CircuitBreakerPolicy') },
      limits: { list: () => this.#ofKind('RateLimitPolicy') },
    } as never);
    for (const name of AGENTS) {
      this.take({ kind: 'Agent', name, isThere: true, tier: 'gold' });
      for (const each of ['1', '2']) {
        this.take({ kind: 'Pod', uid: `${name}-${each}`, isThere: true, leaves: false });
      }
    }
    this.take({ kind: 'Policy', of: 'CircuitBreakerPolicy', edit: 0, by: 'gold' });
    this.take({ kind: 'Policy', of: 'RateLimitPolicy', edit: 0, by: 'gold' });
    this.#attachments.of('support');
    for (const name of AGENTS) this.take({ kind: 'Reconcile', name, hash: 'one' });
  }

  take(each: Step): void {
    if (each.kind === 'Agent') this.#setAgent(each);
    else if (each.kind === 'Policy') this.#setPolicy(each);
    else if (each.kind === 'Reconcile') this.#reconcile(each.name, each.hash);
    else if (each.kind === 'Pod') this.#setPod(each);
    else if (each.kind === 'Report') this.#report(each);
    else if (each.kind === 'Wait') this.#nowMs += each.ms;
    else if (each.kind === 'Forget') {
      this.#states.delete(each.name);
      this.#tell(each.name);
    } else {
      const { votes } = each;
      const shared = { dependency: 'model/primary', policy: 'p', since: 'now', votes };
      const isNew = !this.#fleets.has(each.name);
      this.#fleets.set(each.name, [{ ...shared, state: 'Closed' }]);
      // A reconcile reports the first votes. Later votes change without a notification.
      if (isNew) this.#tell(each.name);
    }
  }

  /** A look by the reconciler: what it writes and when it wants to look again. */
  async look(statuses: Statuses): Promise<unknown[]> {
    const found: unknown[] = [];
    for (const kind of ['breaker', 'limit'] as const) {
      statuses.written.length = 0;
      const signal = new AbortController().signal;
      const again = await statuses.reconciler[kind]('support/p', signal);
      found.push(again, structuredClone(statuses.written));
    }
    return found;
  }

  /** One that knows nothing yet. */
  statuses(): Statuses {
    const written: unknown[] = [];
    const ofAgent = (key: string): PodReport[] =>
      this.#podsOf(key).flatMap(({ metadata }) => this.#reports.get(metadata.uid!) ?? []);
    const reconciler = new StatusReconciler({
      client: {
        // Without the status that it was given, so that the next look has it written again.
        replaceStatus: (_: unknown, { status, ...object }: { status?: unknown }) => {
          written.push(status);
          return Promise.resolve(object);
        },
      },
      caches: { replicas: { of: (key: string) => this.#podsOf(key) } },
      attachments: this.#attachments,
      notifier: this.#notifier,
      links: { podReport: (uid: string) => this.#reports.get(uid), podsOf: ofAgent },
      fleet: {
        of: (key: string) => ({ circuits: { status: () => this.#fleets.get(nameOf(key)) ?? [] } }),
      },
      agents: { stateOf: (key: string) => this.#states.get(nameOf(key)) },
      events: { record: () => undefined },
      clock: { now: () => this.#nowMs, monotonic: () => this.#nowMs },
    } as unknown as StatusReconcilerOptions);
    return { reconciler, written };
  }

  #setAgent({ name, isThere, tier }: Extract<Step, { kind: 'Agent' }>): void {
    const agent = isThere ? agentFixture(name, {}, { labels: { tier } }) : undefined;
    const previous = this.#agents.get(name);
    if (agent) this.#agents.set(name, agent);
    else this.#agents.delete(name);
    if (agent ?? previous) this.#attachments.apply(agent, previous);
  }

  #setPolicy({ of, edit, by }: Extract<Step, { kind: 'Policy' }>): void {
    const where =
      by === 'a' ? { targetRefs: [target('a')] } : { targetSelectors: [selector({ tier: by })] };
    const previous = this.#policies.get(of);
    const generation = (previous?.metadata.generation ?? 0) + 1;
    const versions = { uid: `uid-${of}`, generation };
    const policy =
      of === 'CircuitBreakerPolicy'
        ? breakerFixture('p', { ...where, openDuration: `${edit + 1}s` }, versions)
        : limitFixture('p', where, versions);
    this.#policies.set(of, policy);
    this.#attachments.apply(policy, previous);
  }

  #reconcile(name: string, hash: string): void {
    const attachment = this.#attachments.of('support').agents.get(name);
    if (!attachment) return;
    const plan = { ...planAgent({ agent: attachment.agent, attachment, options: OPTIONS }), hash };
    const configuration = { revision: { term: 1, counter: 2 }, hash, content: plan.content! };
    const known = { plan, attachment, configuration, configuredAt: this.#nowMs };
    this.#states.set(name, { ...known, applyErrors: [], paused: false });
    this.#tell(name);
  }

  #setPod({ uid, isThere, leaves }: Extract<Step, { kind: 'Pod' }>): void {
    const pod = {
      metadata: {
        ...{ namespace: 'support', name: uid, uid },
        ...(leaves && { deletionTimestamp: '2026-11-21T10:00:00Z' }),
      },
      status: { podIP: '10.0.0.1' },
    } as Pod;
    if (isThere) this.#pods.set(uid, pod);
    else this.#pods.delete(uid);
    this.#tell(agentOf(uid));
  }

  #report({ uid, report, worst }: Extract<Step, { kind: 'Report' }>): void {
    const circuits = [circuit(worst, { policy: 'p' })];
    const said = snapshot({ circuits, limits: [limit({ policy: 'p' })] });
    this.#reports.set(uid, {
      ...{ namespace: 'support', agent: agentOf(uid), pod: uid, uid, incompatible: false },
      since: new Date(this.#nowMs).toISOString(),
      features: [],
      connected: true,
      ...report,
      ...(report.pending !== true && { snapshot: said }),
    });
    this.#tell(agentOf(uid));
  }

  #podsOf(key: string): Pod[] {
    return [...this.#pods.values()].filter(
      ({ metadata }) => agentOf(metadata.uid!) === nameOf(key),
    );
  }

  #ofKind(kind: Policy['kind']): Policy[] {
    const policy = this.#policies.get(kind);
    return policy ? [policy] : [];
  }

  #tell(name: string): void {
    this.#notifier.notify(`support/${name}`);
  }
}

interface Statuses {
  reconciler: StatusReconciler;
  written: unknown[];
}

const agentOf = (uid: string): string => uid.split('-')[0]!;
const nameOf = (key: string): string => key.split('/')[1]!;

it('the targets of a policy have the same summary after any changes as one made from all agents', async () => {
  let writes = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      const world = new World();
      const kept = world.statuses();
      for (const each of steps) {
        world.take(each);
        const fresh = world.statuses();
        const expected = await world.look(fresh);
        fresh.reconciler.close();
        expect(await world.look(kept)).toEqual(expected);
        writes += fresh.written.length;
      }
    }),
    { numRuns: 20 },
  );
  expect(writes).toBeGreaterThan(50);
});
