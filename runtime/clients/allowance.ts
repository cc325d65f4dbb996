import type { Content } from '../../contract/generated/types.ts';
import type { Failure } from '../errors/failure.ts';
import type { RequestTrace } from '../observe/trace/requestTrace.ts';
import { PROTOCOLS } from '../protocols/protocols.ts';
import type { RequestDetection } from '../security/incidents/incident.ts';

type Clients = NonNullable<NonNullable<Content['auth']>['clients']>;
type ClientRule = Clients[number];

/** Groups of routes that spec.auth.clients can allow. */
export type RouteKind = NonNullable<ClientRule['allow']['routes']>[number];

export interface Denial {
  failure: Failure;
  asset: RequestDetection['asset'];
  resource: { type: string; name: string };
}

export interface Identity {
  /** Name of the key, or the subject of the token. */
  name: string;
  /** Claims of the token. An API key has none. */
  claims?: Readonly<Record<string, unknown>>;
}

const CONVERSATIONS = '/v1/conversations';
const KINDS: ReadonlyMap<string, RouteKind> = new Map(
  PROTOCOLS.flatMap(({ routes }) => routes.map(({ route, kind }) => [route, kind])),
);

/** Maps a route to its group. Routes that it does not know go to the provider. */
export function routeKindOf(route: string): RouteKind {
  if (route.startsWith(CONVERSATIONS)) return 'Conversations';
  return KINDS.get(route) ?? 'Provider';
}

export class Allowance {
  readonly #allow: ClientRule['allow'];
  readonly #known: boolean;

  /** Without a rule the client may do nothing. */
  constructor(rule: ClientRule | undefined) {
    this.#known = rule !== undefined;
    this.#allow = rule?.allow ?? { routes: [], conversations: 'Own', admin: false };
  }

  /** Largest bound of output tokens; undefined: none. */
  get maxTokens(): number | undefined {
    return this.#allow.admin ? undefined : this.#allow.maxTokens;
  }

  /** Whether the client may use conversations of others. */
  get allConversations(): boolean {
    return this.#allow.admin || this.#allow.conversations === 'All';
  }

  /** Why the client may not use a route; undefined if it may. */
  route(kind: RouteKind): Denial | undefined {
    const { routes, admin } = this.#allow;
    if (admin || (routes ? routes.includes(kind) : this.#withoutList(kind))) return undefined;
    return denial(this.#refusal(kind), { type: 'route', name: kind }, 'Access');
  }

  /** What no list of routes names is allowed, unless it would evade the bounds on models and tokens. */
  #withoutList(kind: RouteKind): boolean {
    const { models, maxTokens } = this.#allow;
    return kind !== 'Provider' || (!models && maxTokens === undefined);
  }

  #refusal(kind: RouteKind): string {
    if (!this.#known)
      return 'This client may not use the agent: spec.auth.clients has no entry for it.';
    const hint = kind === 'Provider' ? ': allow.routes of its entry must name it' : '';
    return `This client may not use the route ${kind}${hint}.`;
  }

  /** Why the client may not use this model or as many tokens; undefined if it may. */
  request(asked: AskedMessage): Denial | undefined {
    const { models, admin } = this.#allow;
    if (admin || (!models && this.maxTokens === undefined)) return undefined;
    if (!models || matches(models, asked.model)) return this.#tokens(asked);
    const message = 'This client may not use this model.';
    return denial(message, { type: 'model', name: nameOf(asked.model) }, 'Budget');
  }

  #tokens({ maxTokens: stated, tokenBound: member }: AskedMessage): Denial | undefined {
    const bound = this.maxTokens;
    if (bound === undefined || stated === 'None') return undefined;
    if (stated !== undefined && stated <= bound) return undefined;
    const message = `This client may ask for at most ${bound} tokens: lower ${member}.`;
    return denial(message, { type: 'request', name: member }, 'Budget');
  }

  tool(name: string): boolean {
    const { tools, admin } = this.#allow;
    return admin || !tools || matches(tools, name);
  }
}

export interface AskedMessage {
  model: string;
  /** The member that states it. */
  tokenBound: string;
  /** `None`: this kind of request has no such bound. Undefined: the value is missing or not valid. */
  maxTokens: number | 'None' | undefined;
}

function denial(message: string, resource: Denial['resource'], asset: Denial['asset']): Denial {
  return { failure: { reason: 'Forbidden', message }, resource, asset };
}

/** Reports a denial and returns its answer. */
export function denied({ listener }: RequestTrace, { failure, resource, asset }: Denial): Failure {
  listener.denied({ ...failure, resource, asset });
  return failure;
}

/** Patterns are names, or prefixes that end in `*`. */
function matches(patterns: readonly string[], name: string): boolean {
  return patterns.some((each) =>
    each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : each === name,
  );
}

const PLAIN_NAME = /^[\w.:@/-]{1,128}$/;

/** The model as the answer repeats it, if it looks like the name of one. */
function nameOf(model: string): string {
  return PLAIN_NAME.test(model) ? model : 'unknown';
}

/** The allowances of spec.auth.clients, computed once for each configuration. */
export class Allowances {
  readonly #rules: readonly { rule: ClientRule; allowance: Allowance }[];
  readonly #none = new Allowance(undefined);

  constructor(clients: Clients) {
    this.#rules = clients.map((rule) => ({ rule, allowance: new Allowance(rule) }));
  }

  /** The first rule that names the client decides. */
  of(identity: Identity): Allowance {
    const found = this.#rules.find(({ rule }) => names(rule, identity));
    return found?.allowance ?? this.#none;
  }
}

function names({ name, claim }: ClientRule, identity: Identity): boolean {
  if (name !== undefined) return name === '*' || name === identity.name;
  if (!claim || !identity.claims || !Object.hasOwn(identity.claims, claim.name)) return false;
  const value = identity.claims[claim.name];
  if (Array.isArray(value)) return value.includes(claim.value);
  // A scope is a list of words in one string (RFC 8693).
  return typeof value === 'string' && value.split(' ').includes(claim.value);
}
