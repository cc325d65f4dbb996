import type {
  ProviderGate,
  ProviderLimitUse,
  ProviderShares,
} from '../../contract/generated/types.ts';
import type { Resource } from './admission.ts';
import type { CallLimits, ModelState, ModelStates } from './models.ts';
import type { ProviderShare } from './providerShare.ts';

interface Credentialed {
  dependency: string;
  account: string;
}

/** Characters of a hash that tell the credentials of an agent apart. */
const ACCOUNT_LENGTH = 16;

/** Name of a credential in messages to the leader. */
export function accountOf(hash: string): string {
  return hash.slice(0, ACCOUNT_LENGTH);
}

/** Report on the stated limits of one dependency. */
export function providerUses(
  states: readonly ModelState[],
  of: Credentialed,
  now: number,
): ProviderLimitUse[] {
  return kindsOf(states).flatMap(({ kind, limits }) =>
    (limits.stated?.uses(now) ?? []).map(({ resource, share }) => ({
      ...{ ...of, ...kind, resource },
      ...useOf(share, now),
    })),
  );
}

/** Report on gates of one dependency that are shut after a 429. */
export function providerGates(
  states: readonly ModelState[],
  { mounted, ...of }: Credentialed & { mounted: string },
  now: number,
): ProviderGate[] {
  return kindsOf(states).flatMap(({ kind, limits }) => {
    const until = limits.gates.state(mounted, now)?.until;
    return until === undefined ? [] : { ...of, ...kind, forMs: until - now };
  });
}

/** Applies the leader's shares of one dependency. Shares of unknown kinds of calls are ignored. */
export function followShares(
  models: ModelStates,
  { limits, gates }: Pick<ProviderShares, 'limits' | 'gates'>,
  now: number,
): void {
  for (const { dependency: _, account: __, model, votes, resource, ...share } of limits) {
    if (!isResource(resource)) continue;
    models
      .only(kindOf(model, votes))
      ?.stated()
      .follow({ resource, ...share }, now);
  }
  for (const { model, votes, forMs } of gates) {
    models.only(kindOf(model, votes))?.stated().hold(forMs, now);
  }
}

const RESOURCES: ReadonlySet<string> = new Set<Resource>([
  'Requests',
  'InputTokens',
  'OutputTokens',
  'TotalTokens',
]);

function isResource(name: string): name is Resource {
  return RESOURCES.has(name);
}

interface Kind {
  model?: string;
  votes?: false;
}

function kindOf(model: string | undefined, votes: false | undefined): Kind {
  return { ...(model !== undefined && { model }), ...(votes === false && { votes }) };
}

function kindsOf(states: readonly ModelState[]): { kind: Kind; limits: CallLimits }[] {
  return states.flatMap((state) => {
    const { model } = state.circuit;
    return state
      .allLimits()
      .map((limits, i) => ({ kind: kindOf(model, i === 0 ? undefined : false), limits }));
  });
}

/** Report on a share. Resets its `need`, because each need is reported only once. */
function useOf(
  share: ProviderShare,
  now: number,
): Omit<ProviderLimitUse, 'dependency' | 'account' | 'resource'> {
  const { count, taken, asked, need, own } = share;
  share.need = 0;
  return {
    ...{ count, taken, asked, need, held: share.held(now) },
    ...(own && {
      stated: {
        ...{ limit: own.limit, remaining: own.remaining },
        resetMs: Math.max(0, own.resetAt - own.at),
        ageMs: now - own.at,
        sinceMs: now - own.since,
        before: share.takenAt(own.since),
      },
    }),
  };
}
