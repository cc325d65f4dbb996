import type { Logger } from 'pino';
import type {
  Configuration,
  ConfigurationStatus,
  Content,
  Endpoint,
} from '../../contract/generated/types.ts';
import { compareRevisions, formatRevision } from '../../contract/revision.ts';
import { parseConfiguration } from '../../contract/validate.ts';
import { supported } from '../guard/supported.ts';
import { upgradeConfiguration } from './upgrade.ts';

export type Source = 'File' | 'Link';

type Refusal = NonNullable<ConfigurationStatus['refused']>;

/** Result of offering a configuration. */
export type Offer = 'Applied' | 'Unchanged' | 'Older' | 'Refused';

export interface ConfigurationDeps {
  /** Applies content, except for parts that this runtime does not support. */
  apply(content: Content): void;
  /** Wall clock. */
  date(): Date;
  /** Called after each offer. */
  onChange(offer: Offer): void;
  log: Logger;
}

interface InForce {
  configuration: Configuration;
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

  /** Undefined before the first configuration. */
  get configuration(): Configuration | undefined {
    return this.#inForce?.configuration;
  }

  /** Endpoints in force that this runtime supports. */
  get endpoints(): readonly Endpoint[] {
    return this.#inForce?.endpoints ?? [];
  }

  /** Highest term that a leader announced or a configuration carried; 0 before the first. */
  get highestTerm(): number {
    return Math.max(this.#announcedTerm, this.#seenTerm);
  }

  status(): ConfigurationStatus {
    const { configuration, source, unsupported = [] } = this.#inForce ?? {};
    return {
      ...(configuration && { revision: configuration.revision, hash: configuration.hash }),
      ...(source && { source }),
      ...(this.#refused && { refused: this.#refused }),
      unsupported,
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
    const { endpoints, unsupported } = supported(content);
    // Comes before the guard applies it, because the guard may report transitions then.
    this.#inForce = { configuration, source, endpoints, unsupported };
    this.#deps.apply(content);
    const shown = formatRevision(revision);
    this.#deps.log.info({ source, revision: shown, hash }, 'Configuration was applied');
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
