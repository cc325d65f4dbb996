import type { Logger } from 'pino';
import type {
  Configuration,
  ConfigurationStatus,
  Content,
  Endpoint,
} from '../../contract/generated/types.ts';
import { canonicalHash } from '../../contract/canonical.ts';
import { compareRevisions, formatRevision } from '../../contract/revision.ts';
import { parseConfiguration } from '../../contract/validate.ts';
import { supported } from '../guard/supported.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { contentInForce } from './inForce.ts';
import { upgradeConfiguration } from './upgrade.ts';

export type Source = 'File' | 'Link';

type Refusal = NonNullable<ConfigurationStatus['refused']>;

/** Result of offering a configuration. */
export type Offer = 'Applied' | 'Unchanged' | 'Older' | 'Refused';

export interface ConfigurationDeps {
  /** Puts a snapshot in force, except for parts that this runtime does not support. */
  apply(snapshot: Snapshot): void;
  /** Wall clock. */
  date(): Date;
  /** A file does not have the hash that it states, so that another writer than the operator made it. */
  onTampered(): void;
  /** Called after each offer. */
  onChange(offer: Offer): void;
  /** Names of the pod's mounts. Absent: the pod does not know them, and puts everything in force. */
  mounts?: ReadonlySet<string>;
  /** Keeps the configuration in force for the next process of the pod, which may start with one that needs other mounts. */
  former?: { read(): unknown; save(): Promise<void> };
  log: Logger;
}

interface InForce {
  /** Its content is the one in force, which differs from the offered one in the parts that wait. */
  configuration: Configuration;
  waiting: readonly string[];
  unservable: boolean;
  source: Source;
  endpoints: Endpoint[];
  unsupported: ConfigurationStatus['unsupported'];
}

/**
 * The configuration in force. Every change passes here, from the file or from the link. It refuses a malformed
 * configuration as a whole and keeps the last good one.
 */
export class ActiveConfiguration {
  readonly #deps: ConfigurationDeps;
  #inForce: InForce | undefined;
  #refused: Refusal | undefined;
  #announcedTerm = 0;
  #seenTerm = 0;

  constructor(deps: ConfigurationDeps) {
    this.#deps = deps;
  }

  /** The configuration in force, without the parts that wait; undefined before the first. */
  get configuration(): Configuration | undefined {
    return this.#inForce?.configuration;
  }

  /** Endpoints in force that this runtime supports. */
  get endpoints(): readonly Endpoint[] {
    return this.#inForce?.endpoints ?? [];
  }

  /** Whether the pod would refuse clients, because it lacks mounts and knows no former configuration. */
  get unservable(): boolean {
    return this.#inForce?.unservable ?? false;
  }

  /** Highest term that a leader announced or a configuration carried; 0 before the first. */
  get highestTerm(): number {
    return Math.max(this.#announcedTerm, this.#seenTerm);
  }

  status(): ConfigurationStatus {
    const { configuration, source, unsupported = [], waiting = [] } = this.#inForce ?? {};
    return {
      ...(configuration && { revision: configuration.revision, hash: configuration.hash }),
      ...(source && { source }),
      ...(this.#refused && { refused: this.#refused }),
      unsupported,
      ...(waiting.length > 0 && { waiting: [...waiting] }),
    };
  }

  /** Notes the term of a leader. From now on pushes of lower terms are refused. */
  announce(term: number): void {
    this.#announcedTerm = Math.max(this.#announcedTerm, term);
  }

  /** Why to refuse a push of this term; undefined if it is acceptable. */
  staleTerm(term: number): string | undefined {
    if (term >= this.#announcedTerm) return undefined;
    return `term ${term} is below ${this.#announcedTerm}, which another leader has announced`;
  }

  /** Offers the text of the mounted file. Applies it at start, or if it is newer. */
  offerFile(text: string): Offer {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return this.refuse('File', 'it is not JSON', undefined);
    }
    const parsed = parseConfiguration(upgradeConfiguration(value));
    if (!parsed.ok) return this.refuse('File', parsed.message, value);
    if (hashOf(value) !== canonicalHash((value as { content: unknown }).content)) {
      this.#deps.onTampered();
    }
    const offered = parsed.value;
    const current = this.configuration;
    if (current && compareRevisions(offered.revision, current.revision) <= 0) {
      return this.#fileIsFine(offered.hash === current.hash ? 'Unchanged' : 'Older');
    }
    return this.#take(offered, 'File');
  }

  /** Offers a push from a leader whose term is not stale; it is authoritative. */
  offerPush(term: number, configuration: Configuration): Offer {
    this.announce(term);
    return this.#take(configuration, 'Link');
  }

  /** Records and reports that the offer of `source` is refused as a whole. */
  refuse(source: Source, message: string, offered: unknown): Offer {
    const hash = hashOf(offered);
    this.#refused = {
      source,
      ...(hash !== undefined && { hash }),
      message,
      time: this.#deps.date().toISOString(),
    };
    this.#deps.log.error({ source, hash, reason: message }, 'Configuration was refused');
    this.#deps.onChange('Refused');
    return 'Refused';
  }

  /** What the process before had in force; undefined if it is missing or unreadable. */
  #formerContent(): Content | undefined {
    const { mounts, former } = this.#deps;
    if (mounts === undefined) return undefined;
    const parsed = parseConfiguration(upgradeConfiguration(former?.read()));
    return parsed.ok ? parsed.value.content : undefined;
  }

  /** A well-formed file clears an earlier fault of the file, even if it is not newer. */
  #fileIsFine(offer: Offer): Offer {
    if (this.#refused?.source !== 'File') return offer;
    this.#refused = undefined;
    this.#deps.onChange(offer);
    return offer;
  }

  #take(configuration: Configuration, source: Source): Offer {
    const { revision, hash, content } = configuration;
    this.#seenTerm = Math.max(this.#seenTerm, revision.term);
    const current = this.#inForce;
    this.#refused = undefined;
    if (current?.configuration.hash === hash) {
      this.#inForce = { ...current, configuration: { ...current.configuration, revision }, source };
      this.#deps.onChange('Unchanged');
      return 'Unchanged';
    }
    const { mounts, former, log } = this.#deps;
    const before =
      current && !current.unservable ? current.configuration.content : this.#formerContent();
    const { content: inForce, ...rest } = contentInForce(content, before, mounts);
    const { endpoints, unsupported } = supported(inForce);
    // Comes before the guard applies it, because the guard may report transitions then.
    const taken = { revision, hash, content: inForce };
    this.#inForce = { configuration: taken, ...rest, source, endpoints, unsupported };
    this.#deps.apply({ content: inForce, endpoints });
    const shown = formatRevision(revision);
    log.info({ source, revision: shown, hash }, 'Configuration was applied');
    if (!rest.unservable) void former?.save();
    if (rest.waiting.length > 0) {
      log.warn(
        { revision: shown, waiting: rest.waiting },
        'Parts of the configuration wait until this pod is replaced, because it lacks mounts for them',
      );
    }
    this.#deps.onChange('Applied');
    return 'Applied';
  }
}

/** The hash in an offer, which may not even be an object. */
function hashOf(offered: unknown): string | undefined {
  if (typeof offered !== 'object' || offered === null || !('hash' in offered)) return undefined;
  const { hash } = offered;
  return typeof hash === 'string' && /^sha256:[0-9a-f]{64}$/.test(hash) ? hash : undefined;
}
