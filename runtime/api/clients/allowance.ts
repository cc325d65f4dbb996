import type { Content } from '../../../contract/generated/types.ts';
import type { Failure } from '../../errors/failure.ts';
import type { RequestSighting } from '../../security/incidents/incident.ts';

type Clients = NonNullable<NonNullable<Content['auth']>['clients']>;
type ClientRule = Clients[number];

/** What a request is for, as spec.auth.clients names it. */
export type RouteKind = NonNullable<ClientRule['allow']['routes']>[number];

/** Why a client may not do what it asks for. */
export interface Denial {
  failure: Failure;
  asset: RequestSighting['asset'];
  resource: { type: string; name: string };
}

/** What an API key or a token says of its client. */
export interface Identity {
  /** Name of the key, or the subject of the token. */
  name: string;
  /** Of the token; none of an API key. */
  claims?: Readonly<Record<string, unknown>>;
}

const CONVERSATIONS = '/v1/conversations';
const ROUTES: Readonly<Record<string, RouteKind>> = {
  '/v1/messages': 'Messages',
  '/v1/messages/count_tokens': 'CountTokens',
  '/v1/models': 'Models',
};

/** The kind of a route, as metrics name it. All others are passed on to the provider. */
export function routeKindOf(route: string): RouteKind {
  if (route.startsWith(CONVERSATIONS)) return 'Conversations';
  return ROUTES[route] ?? 'Provider';
}

/** What one client may do. */
export class Allowance {
  readonly #allow: ClientRule['allow'];
  readonly #known: boolean;

  /** Without an entry for the client it may do nothing. */
  constructor(rule: ClientRule | undefined) {
    this.#known = rule !== undefined;
    this.#allow = rule?.allow ?? { routes: [], conversations: 'Own', admin: false };
  }

  /** Largest max_tokens; undefined when it is not bounded. */
  get maxTokens(): number | undefined {
    return this.#allow.admin ? undefined : this.#allow.maxTokens;
  }

  /** Whether conversations of other clients are open to it. */
  get allConversations(): boolean {
    return this.#allow.admin || this.#allow.conversations === 'All';
  }

  /** Why it may not use a route; undefined when it may. */
  route(kind: RouteKind): Denial | undefined {
    const { routes, admin } = this.#allow;
    if (admin || !routes || routes.includes(kind)) return undefined;
    const message = this.#known
      ? `This client may not use the route ${kind}.`
      : 'This client may not use the agent: spec.auth.clients has no entry for it.';
    return denial(message, { type: 'route', name: kind }, 'Access');
  }

  /** Why it may not ask for a message of this model, or for so many tokens. */
  request(asked: AskedMessage): Denial | undefined {
    const { models, admin } = this.#allow;
    if (admin || (!models && this.maxTokens === undefined)) return undefined;
    if (asked.ambiguous) {
      const message = 'The body must name model and max_tokens once.';
      return denial(message, { type: 'request', name: 'body' }, 'Budget');
    }
    if (!models || matches(models, asked.model)) return this.#tokens(asked.maxTokens);
    const message = 'This client may not use this model.';
    return denial(message, { type: 'model', name: nameOf(asked.model) }, 'Budget');
  }

  #tokens(stated: AskedMessage['maxTokens']): Denial | undefined {
    const bound = this.maxTokens;
    if (bound === undefined || stated === 'None') return undefined;
    if (stated !== undefined && stated <= bound) return undefined;
    const message = `This client may ask for at most ${bound} tokens: lower max_tokens.`;
    return denial(message, { type: 'request', name: 'max_tokens' }, 'Budget');
  }

  /** Whether the model may use a tool for it. */
  tool(name: string): boolean {
    const { tools, admin } = this.#allow;
    return admin || !tools || matches(tools, name);
  }
}

export interface AskedMessage {
  model: string;
  /** None: the request has none to state. Undefined: it states none that is valid. */
  maxTokens: number | 'None' | undefined;
  /** Whether it states one of them twice. */
  ambiguous: boolean;
}

function denial(message: string, resource: Denial['resource'], asset: Denial['asset']): Denial {
  return { failure: { reason: 'Forbidden', message }, resource, asset };
}

/** Names, or their beginnings with * at the end. */
function matches(patterns: readonly string[], name: string): boolean {
  return patterns.some((each) =>
    each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : each === name,
  );
}

const PLAIN_NAME = /^[\w.:@/-]{1,128}$/;

/** What a client chose, if it looks like the name of a model. */
function nameOf(model: string): string {
  return PLAIN_NAME.test(model) ? model : 'unknown';
}

/** The allowances of spec.auth.clients; made once for each configuration. */
export class Allowances {
  readonly #rules: readonly { rule: ClientRule; allowance: Allowance }[];
  readonly #none = new Allowance(undefined);

  constructor(clients: Clients) {
    this.#rules = clients.map((rule) => ({ rule, allowance: new Allowance(rule) }));
  }

  /** That of the first entry which names the client. */
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
  // As scope has them (RFC 8693).
  return typeof value === 'string' && value.split(' ').includes(claim.value);
}
