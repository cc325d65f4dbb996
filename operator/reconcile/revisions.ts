import type { Configuration, Content, Revision } from '../../contract/generated/types.ts';
import { compareRevisions } from '../../contract/revision.ts';

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
 * Terms and revisions of one agent while this process leads.
 *
 * The first term is higher than any trace of an earlier leader, so that pods refuse a late push of that leader. A pod
 * that shows a higher term raises it. Counters never repeat. Neither depends on a single store: one trace suffices
 * when the ConfigMap is deleted or the status wiped, and pods obey a push whatever they ran before.
 */
export class Revisions {
  #term: number | undefined;
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
  decide(content: Content, hash: string, evidence: Evidence): Decision {
    const term = this.#raise(evidence);
    this.#counter = Math.max(
      this.#counter,
      ...revisionsIn(evidence).map((revision) => revision.counter),
    );
    const { revision } = this.#reusable(hash, evidence.stored) ?? {
      revision: { term, counter: ++this.#counter },
    };
    this.#current = { revision, hash, content };
    return { configuration: this.#current, term };
  }

  /** Keeps a configuration in force as it is, whatever content is wanted meanwhile. */
  keep(configuration: Configuration, evidence: Evidence): Decision {
    const term = this.#raise(evidence);
    this.#current = configuration;
    return { configuration, term };
  }

  /** A configuration of this hash that needs no new revision: the stored one, or ours that is not stored yet. */
  #reusable(hash: string, stored: Published | undefined): Published | undefined {
    if (stored?.hash === hash) return stored;
    const current = this.#current;
    if (current?.hash !== hash) return undefined;
    const superseded = stored && compareRevisions(stored.revision, current.revision) > 0;
    return superseded ? undefined : current;
  }

  #raise(evidence: Evidence): number {
    const seenInPods = Math.max(0, ...evidence.pods.map((pod) => pod.highestTerm));
    if (this.#term === undefined) {
      const seen = Math.max(seenInPods, ...revisionsIn(evidence).map((revision) => revision.term));
      this.#term = Math.max(this.#leaseTransitions, seen + 1);
    } else if (seenInPods > this.#term) {
      this.#term = seenInPods + 1;
    }
    return this.#term;
  }
}

function revisionsIn(evidence: Evidence): Revision[] {
  const all = [
    evidence.stored?.revision,
    evidence.reported,
    ...evidence.pods.map((p) => p.revision),
  ];
  return all.filter((revision) => revision !== undefined);
}
