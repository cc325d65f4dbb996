import type { Configuration, Content, Revision } from '../../contract/generated/types.ts';
import { compareRevisions, MAX_TERM } from '../../contract/revision.ts';

/** A configuration by its revision and hash. */
export type Published = Pick<Configuration, 'revision' | 'hash'>;

/** What is known of an agent's configuration outside this process. */
export interface Evidence {
  /** What the agent's ConfigMap holds, if it can be read. */
  stored?: Published;
  /** Revision in the agent's status. */
  reported?: Revision;
  /** Revisions in force in its pods, and the highest term that each has seen. */
  pods: { revision?: Revision; highestTerm: number }[];
}

export interface Decision {
  /** What the ConfigMap is to hold before anything is pushed. */
  configuration: Configuration;
  /** Term to announce to the agent's pods. */
  term: number;
}

/**
 * How far pods may show a term or a counter above what Lease, ConfigMap and status tell. A pod may lie, and a term
 * that a pod could choose would leave none above it. One more leader raises the term by one, as a rule.
 */
const SLACK = 1_000;

/** A ConfigMap or status above this was poisoned: no number of leaders comes near it. */
const HIGHEST_BELIEVED = Math.floor(MAX_TERM / 2);

/**
 * Terms and revisions of one agent while this process leads.
 *
 * The first term is higher than any trace of an earlier leader, so that pods refuse a late push of that leader. A pod
 * that shows a higher term raises it. Counters never repeat. Neither depends on a single store: one trace suffices
 * when the ConfigMap is deleted or the status wiped, and pods obey a push whatever they ran before.
 */
export class Revisions {
  #term: number | undefined;
  /** Higher terms of pods are ignored; fixed once, so that a pod cannot lead it up step by step. */
  #limit = 0;
  /** Least term of a stored revision that need not be stored anew. */
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

  /** The revision under which content is to be in force, given all that is known. */
  decide(content: Content, hash: string, all: Evidence): Decision {
    const evidence = believed(all);
    const first = this.#term === undefined;
    const term = this.#raise(evidence);
    this.#counter = Math.max(this.#counter, ...counters(first ? evidence : withoutPods(evidence)));
    const { revision } = this.#reusable(hash, evidence.stored) ?? {
      revision: { term, counter: ++this.#counter },
    };
    this.#current = { revision, hash, content };
    return { configuration: this.#current, term };
  }

  /** Keeps a configuration in force as it is, whatever content is wanted meanwhile. */
  keep(configuration: Configuration, evidence: Evidence): Decision {
    const term = this.#raise(believed(evidence));
    this.#current = configuration;
    return { configuration, term };
  }

  /** A configuration of this hash that needs no new revision: the stored one, or ours that is not stored yet. */
  #reusable(hash: string, stored: Published | undefined): Published | undefined {
    if (stored?.hash === hash && stored.revision.term >= this.#leastStored) return stored;
    const current = this.#current;
    if (current?.hash !== hash) return undefined;
    const superseded = stored && compareRevisions(stored.revision, current.revision) > 0;
    return superseded ? undefined : current;
  }

  #raise(evidence: Evidence): number {
    const first = this.#term === undefined;
    const left = Math.max(this.#leaseTransitions, ...terms(withoutPods(evidence)));
    if (first) this.#limit = left + SLACK;
    const shown = evidence.pods.flatMap((pod) => [pod.highestTerm, pod.revision?.term ?? 0]);
    const seenInPods = Math.max(0, ...shown.filter((term) => term <= this.#limit));
    if (this.#term === undefined) {
      const seen = Math.max(seenInPods, ...terms(withoutPods(evidence)));
      this.#term = Math.max(this.#leaseTransitions, seen + 1);
      // Far behind, the next leader would take the terms of honest pods for lies.
      if (this.#term > left + SLACK / 2) this.#leastStored = this.#term;
    } else if (seenInPods > this.#term) {
      this.#term = seenInPods + 1;
    }
    return this.#term;
  }
}

/** The traces without poisoned ones. */
function believed({ stored, reported, pods }: Evidence): Evidence {
  const isBelieved = ({ term, counter }: Revision): boolean =>
    Math.max(term, counter) <= HIGHEST_BELIEVED;
  return {
    ...(stored && isBelieved(stored.revision) && { stored }),
    ...(reported && isBelieved(reported) && { reported }),
    pods,
  };
}

const withoutPods = (evidence: Evidence): Evidence => ({ ...evidence, pods: [] });

const terms = (evidence: Evidence): number[] => revisionsIn(evidence).map(({ term }) => term);

/** Counters in the traces; those of pods as far as the others bear them out. */
function counters(evidence: Evidence): number[] {
  const left = revisionsIn(withoutPods(evidence)).map(({ counter }) => counter);
  const limit = Math.max(0, ...left) + SLACK;
  const shown = evidence.pods.map(({ revision }) => revision?.counter ?? 0);
  return [...left, ...shown.filter((counter) => counter <= limit)];
}

function revisionsIn(evidence: Evidence): Revision[] {
  const all = [
    evidence.stored?.revision,
    evidence.reported,
    ...evidence.pods.map((p) => p.revision),
  ];
  return all.filter((revision) => revision !== undefined);
}
