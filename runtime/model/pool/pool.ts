import type { Content, Endpoint } from '../../../contract/generated/types.ts';
import { NO_HASH } from '../../guard/admission.ts';
import type { Credential, Availability } from '../../guard/admission.ts';
import type { Dependency } from '../../guard/dependency.ts';
import type { CallKind } from '../../guard/models.ts';
import { dependencyOf } from '../../guard/supported.ts';
import { Affinity } from './affinity.ts';
import type { Placed } from './affinity.ts';
import { Balancer } from './balancer.ts';
import type { Choice, Strategy } from './balancer.ts';
import { credentialHash } from '../../mounts/credentials.ts';
import { authentication } from './authentication.ts';
import type { Authentication, EndpointIdentities, Lacking, Mounted } from './authentication.ts';
import type { SuccessRate } from '../../resilience/successRate.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import type { Network } from '../../network/network.ts';
import { identityHeaders } from '../transport/headers.ts';
import type { RawHeaders } from '../transport/headers.ts';
import type { Credentials } from '../provider/credentials.ts';
import type { AskedRequest, Obstacle } from '../provider/provider.ts';
import { providerOf } from '../provider/providers.ts';

/** Whether two endpoints have the same priority, so that affinity has a choice. */
export function haveEquals(places: readonly { priority?: number }[]): boolean {
  if (places.length <= 1) return false;
  return new Set(places.map(({ priority }) => priority)).size < places.length;
}

/** An endpoint that may serve a request, with its credential. */
export interface Member extends Placed {
  endpoint: Endpoint;
  dependency: string;
  handle: Pick<
    Dependency,
    'acquire' | 'availability' | 'hasServed' | 'learn' | 'mostlyFails' | 'obstacle' | 'serves'
  >;
  /** Its recent calls; those of an earlier address are another object. */
  successes: SuccessRate;
  /** The endpoint's own; absent: the client's pass on. */
  credentials?: Credentials | undefined;
  /** Whose credentials they are; absent: a Secret's or the client's. */
  identity?: Authentication['identity'];
  /** The agent's own headers. Each replaces the client's of the same name. */
  headers?: readonly [string, string][] | undefined;
  credential: Credential;
}

export interface Candidate extends Choice {
  member: Member;
  /** Whether the call would probe its half-open circuit. */
  probe: boolean;
}

/** An endpoint that cannot take a request, or only if no other serves. */
export interface PassedOver {
  dependency: string;
  obstacle: Obstacle;
}

export interface Members {
  members: Member[];
  lacking: Lacking | undefined;
  passedOver: PassedOver[] | undefined;
}

/** Added to the priority of an endpoint that lacks a beta: more than the largest priority. */
const LAST = 1_000_000;

/** A request that every endpoint takes. */
const ANY_REQUEST: AskedRequest = {
  method: 'POST',
  expected: 'Message',
  headers: [],
  body: Buffer.alloc(0),
  model: '',
};

/** An endpoint as /debug/endpoints shows it. */
export interface EndpointState {
  dependency: string;
  priority: number;
  weight: number;
  availability: Availability['state'];
  /** Calls under way, including waiting ones. */
  calls: number;
  /** Used share of its capacity. */
  load: number;
  /** Share of successes among its recent calls. */
  successShare: number;
}

type Called = Member['handle'] & Pick<Dependency, 'name' | 'present' | 'successes'>;

export interface PoolDeps {
  guard: { dependency(name: string): Called | undefined };
  credentials: Mounted;
  identities: EndpointIdentities;
  /** Which client certificate an endpoint lacks. */
  network: Pick<Network, 'lacking'>;
  /** Monotonic clock in milliseconds. */
  now: () => number;
  /** From 0 up to but not 1. */
  random: () => number;
}

const STRATEGIES: ReadonlySet<string> = new Set<Strategy>([
  'RoundRobin',
  'LeastLoaded',
  'Weighted',
  'Random',
]);

/** Decides which endpoint of the model a call goes to. */
export class Pool {
  readonly affinity: Affinity;
  readonly #deps: PoolDeps;
  readonly #balancer: Balancer;
  /** Dependencies of endpoints, looked up once for each. */
  readonly #handles = new WeakMap<Endpoint, Called>();

  constructor(deps: PoolDeps) {
    this.#deps = deps;
    this.#balancer = new Balancer(deps.random);
    this.affinity = new Affinity(deps.now);
  }

  /**
   * The endpoints that can serve the request, what keeps it from others, and what the first of these lacks. Those that
   * lack only a beta come after all others.
   */
  members(endpoints: readonly Endpoint[], asked: AskedRequest): Members {
    const found: Members = { members: [], lacking: undefined, passedOver: undefined };
    let own: Credential | undefined;
    const ofClient = (): Credential => (own ??= clientCredential(asked.headers));
    for (const endpoint of endpoints) this.#find(endpoint, asked, found, ofClient);
    return found;
  }

  #find(endpoint: Endpoint, asked: AskedRequest, found: Members, ofClient: () => Credential): void {
    const handle = this.#handle(endpoint);
    // A reload may have removed it since the request began.
    if (handle?.present !== true) return;
    const obstacle = providerOf(endpoint).obstacle(asked, endpoint);
    if (obstacle) (found.passedOver ??= []).push({ dependency: handle.name, obstacle });
    if (obstacle && obstacle !== 'Beta') return;
    const shown = this.#shown(endpoint);
    if ('lacking' in shown) found.lacking ??= shown.lacking;
    else found.members.push(member(endpoint, handle, shown, ofClient, obstacle ? LAST : 0));
  }

  #shown(endpoint: Endpoint): ReturnType<typeof authentication> {
    const { credentials, identities, network } = this.#deps;
    const missing = network.lacking(endpoint);
    return missing ? { lacking: { missing } } : authentication(endpoint, credentials, identities);
  }

  /** The current state of each member for calls of a kind. */
  candidates(
    members: readonly Member[],
    { bulkhead }: Pick<Content, 'bulkhead'>,
    kind: CallKind = {},
  ): Candidate[] {
    const capacity = bulkhead.maxConcurrent;
    const now = this.#deps.now();
    const candidates: Candidate[] = [];
    for (const member of members) {
      const { endpoint, handle, name, priority, weight, credential } = member;
      const found = handle.availability(credential, kind);
      if (!found) continue;
      const { calls, state, probe = false } = found;
      const most = endpoint.maxConcurrent ?? capacity;
      candidates.push({
        member,
        name,
        priority,
        weight,
        availability: state,
        load: calls / most,
        nextLoad: (calls + 1) / most,
        successShare: member.successes.share(now),
        probe,
      });
    }
    return candidates;
  }

  /** The candidate to ask first. */
  choose(
    { loadBalancing }: Pick<Content, 'loadBalancing'>,
    candidates: readonly Candidate[],
  ): Candidate | undefined {
    const known = STRATEGIES.has(loadBalancing);
    return this.#balancer.choose(known ? (loadBalancing as Strategy) : 'LeastLoaded', candidates);
  }

  record({ successes }: Member, outcome: Outcome): void {
    successes.record(outcome, this.#deps.now());
  }

  /** The current state of each endpoint for calls with its own key. */
  state(content: Content, endpoints: readonly Endpoint[]): EndpointState[] {
    const { members } = this.members(endpoints, ANY_REQUEST);
    return this.candidates(members, content).map(
      ({ member: { dependency, handle, credential }, ...candidate }) => {
        const { priority, weight, availability, load, successShare } = candidate;
        const calls = handle.availability(credential)?.calls ?? 0;
        return { dependency, priority, weight, availability, calls, load, successShare };
      },
    );
  }

  #handle(endpoint: Endpoint): Called | undefined {
    const known = this.#handles.get(endpoint);
    if (known !== undefined) return known;
    const found = this.#deps.guard.dependency(dependencyOf(endpoint));
    if (found !== undefined) this.#handles.set(endpoint, found);
    return found;
  }
}

function member(
  endpoint: Endpoint,
  handle: Called,
  shown: Authentication,
  ofClient: () => Credential,
  later: number,
): Member {
  return {
    endpoint,
    dependency: handle.name,
    handle,
    successes: handle.successes,
    name: endpoint.name,
    priority: endpoint.priority + later,
    weight: endpoint.weight,
    credentials: shown.credentials,
    identity: shown.identity,
    headers: shown.headers,
    credential: shown.credential ?? ofClient(),
  };
}

/** Whose gates apply when the client's own credential passes on; NO_HASH without one. */
function clientCredential(headers: RawHeaders): Credential {
  const identity = identityHeaders(headers);
  const hash = identity.length === 0 ? NO_HASH : credentialHash(JSON.stringify(identity));
  return { hash, mounted: false };
}
