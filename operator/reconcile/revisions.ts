import type { Configuration, Content, Revision } from '../../contract/generated/types.ts';
import { compareRevisions, MAX_TERM } from '../../contract/revision.ts';

/** A configuration by its revision and hash. */
export type Published = Pick<Configuration, 'revision' | 'hash'>;

/** Revisions of an agent that are known outside this process. */
export interface KnownRevisions {
  /** In the agent's ConfigMap; absent if it is missing or unreadable. */
  stored?: Published;
  /** In the agent's status. */
  reported?: Revision;
  /** In force in its pods, with the highest term that each pod has seen. */
  pods: { revision?: Revision; highestTerm: number }[];
}

export interface Decision {
  /** To be stored in the ConfigMap before it is pushed. */
  configuration: Configuration;
  /** Term to announce to the agent's pods. */
  term: number;
}

/**
 * How far a term or counter of a pod may be above those in Lease, ConfigMap and status. A pod may lie: without a limit
 * it could claim the highest term, and no leader could go above it. Each leader usually raises the term by one.
 */
const SLACK = 1_000;

/** A higher term or counter in a ConfigMap or status is forged: no number of leaders comes near it. */
const HIGHEST_PLAUSIBLE = Math.floor(MAX_TERM / 2);

/**
 * Terms and revisions of one agent while this process leads.
 *
 * The first term is above every known term of an earlier leader, so that pods refuse a late push of that leader. A pod
 * that reports a higher term raises it. Counters never repeat. One source suffices: the ConfigMap may be deleted or the
 * status wiped.
 */
export class Revisions {
  #term: number | undefined;
  /** Higher terms of pods are ignored. It is fixed once, so that a pod cannot raise it step by step. */
  #limit = 0;
  /** A stored revision of a lower term is replaced. */
  #leastStored = 0;
  #counter = 0;
  #current: Configuration | undefined;
  readonly #leaseTransitions: number;

  /** @param leaseTransitions of the Lease under which this process leads */
  constructor(leaseTransitions: number) {
    this.#leaseTransitions = leaseTransitions;
  }

  /** Term to announce; undefined before the first decision. */
  get term(): number | undefined {
    return this.#term;
  }

  /** Gives content its revision. */
  decide(content: Content, hash: string, all: KnownRevisions): Decision {
    const known = plausible(all);
    const first = this.#term === undefined;
    const term = this.#raiseTerm(known);
    this.#counter = Math.max(this.#counter, ...counters(first ? known : withoutPods(known)));
    const { revision } = this.#reusable(hash, known.stored) ?? {
      revision: { term, counter: ++this.#counter },
    };
    this.#current = { revision, hash, content };
    return { configuration: this.#current, term };
  }

  /** Keeps the configuration in force with its revision. */
  keep(configuration: Configuration, known: KnownRevisions): Decision {
    const term = this.#raiseTerm(plausible(known));
    this.#current = configuration;
    return { configuration, term };
  }

  /** A configuration of this hash whose revision may be reused: the stored one, or ours that is not stored yet. */
  #reusable(hash: string, stored: Published | undefined): Published | undefined {
    if (stored?.hash === hash && stored.revision.term >= this.#leastStored) return stored;
    const current = this.#current;
    if (current?.hash !== hash) return undefined;
    const superseded = stored && compareRevisions(stored.revision, current.revision) > 0;
    return superseded ? undefined : current;
  }

  #raiseTerm(known: KnownRevisions): number {
    const first = this.#term === undefined;
    const trusted = Math.max(this.#leaseTransitions, ...terms(withoutPods(known)));
    if (first) this.#limit = trusted + SLACK;
    const reported = known.pods.flatMap((pod) => [pod.highestTerm, pod.revision?.term ?? 0]);
    const highestOfPods = Math.max(0, ...reported.filter((term) => term <= this.#limit));
    if (this.#term === undefined) {
      const highest = Math.max(highestOfPods, ...terms(withoutPods(known)));
      this.#term = Math.max(this.#leaseTransitions, highest + 1);
      // Otherwise the next leader might find the terms of honest pods above its limit.
      if (this.#term > trusted + SLACK / 2) this.#leastStored = this.#term;
    } else if (highestOfPods > this.#term) {
      this.#term = highestOfPods + 1;
    }
    return this.#term;
  }
}

/** Leaves out forged revisions in ConfigMap and status. */
function plausible({ stored, reported, pods }: KnownRevisions): KnownRevisions {
  const isPlausible = ({ term, counter }: Revision): boolean =>
    Math.max(term, counter) <= HIGHEST_PLAUSIBLE;
  return {
    ...(stored && isPlausible(stored.revision) && { stored }),
    ...(reported && isPlausible(reported) && { reported }),
    pods,
  };
}

const withoutPods = (known: KnownRevisions): KnownRevisions => ({ ...known, pods: [] });

const terms = (known: KnownRevisions): number[] => revisionsIn(known).map(({ term }) => term);

/** All known counters, without those of pods that are above the limit. */
function counters(known: KnownRevisions): number[] {
  const trusted = revisionsIn(withoutPods(known)).map(({ counter }) => counter);
  const limit = Math.max(0, ...trusted) + SLACK;
  const reported = known.pods.map(({ revision }) => revision?.counter ?? 0);
  return [...trusted, ...reported.filter((counter) => counter <= limit)];
}

function revisionsIn(known: KnownRevisions): Revision[] {
  const all = [
    known.stored?.revision,
    known.reported,
    ...known.pods.map(({ revision }) => revision),
  ];
  return all.filter((revision) => revision !== undefined);
}
