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

/** What became of a configuration that was offered. */
export type Offer = 'Applied' | 'Unchanged' | 'Older' | 'Refused';

export interface ConfigurationDeps {
  /** Puts content in force, but for what this runtime does not support. */
  apply(content: Content): void;
  /** Wall clock. */
  date(): Date;
  /** Called when a configuration was taken or refused, or its revision taken over. */
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
 * The configuration in force, and the one place where another takes over, be it from the file or
 * from the link. A malformed one is refused whole and the last good one stays.
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

  /** Undefined until the first configuration. */
  get configuration(): Configuration | undefined {
    return this.#inForce?.configuration;
  }

  /** Endpoints in force that this runtime supports. */
  get endpoints(): readonly Endpoint[] {
    return this.#inForce?.endpoints ?? [];
  }

  /** Highest term that a leader announced or that stood in a configuration; 0 when none. */
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

  /** A leader took office: pushes of lower terms are refused from now on. */
  announce(term: number): void {
    this.#announcedTerm = Math.max(this.#announcedTerm, term);
  }

  /** Why a push of this term is not taken; undefined when it is. */
  staleTerm(term: number): string | undefined {
    if (term >= this.#announcedTerm) return undefined;
    return `term ${term} is below ${this.#announcedTerm}, which another leader has announced`;
  }

  /** Offers the text of the mounted file: taken at start, or when it is newer. */
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

  /** Offers a configuration pushed by a leader whose term is not stale; it is authoritative. */
  offerPush(term: number, configuration: Configuration): Offer {
    this.announce(term);
    return this.#take(configuration, 'Link');
  }

  /** Remembers and tells that what `source` offered is refused whole. */
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

  /** A file that is well-formed but not newer clears what was held against the file. */
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
    // In force before the guard is told, because the guard may report transitions meanwhile.
    this.#inForce = { configuration, source, endpoints, unsupported };
    this.#deps.apply(content);
    const shown = formatRevision(revision);
    this.#deps.log.info({ source, revision: shown, hash }, 'Configuration was applied');
    this.#deps.onChange('Applied');
    return 'Applied';
  }
}

/** The hash in something that may not even be an object. */
function hashOf(offered: unknown): string | undefined {
  if (typeof offered !== 'object' || offered === null || !('hash' in offered)) return undefined;
  const { hash } = offered;
  return typeof hash === 'string' && /^sha256:[0-9a-f]{64}$/.test(hash) ? hash : undefined;
}
