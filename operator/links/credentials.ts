import type { Logger } from 'pino';
import { OPERATOR_COMMON_NAME } from '../../contract/link.ts';
import type { Clock } from '../kube/clock.ts';
import { type Authority, type ClientCredentials, issueClientCertificate } from './authority.ts';

const LIFE_DAYS = 30;
/** Renewed when this share of the life is over. */
const RENEW_AFTER = 2 / 3;
/** How often the wall clock is asked; a timer of 20 days would sleep through a suspension. */
const CHECK_MS = 60 * 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The operator's client certificate. It lives in memory only and is renewed in time; links that
 * are open keep the one they were opened with.
 */
export class Credentials {
  readonly #authority: Authority;
  readonly #clock: Clock;
  readonly #logger: Pick<Logger, 'info' | 'error'>;
  #current: ClientCredentials;
  #cancel: (() => void) | undefined;

  private constructor(options: CredentialsOptions, first: ClientCredentials) {
    this.#authority = options.authority;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#current = first;
  }

  /** Issues the first certificate. */
  static async issue(options: CredentialsOptions): Promise<Credentials> {
    return new Credentials(options, await issue(options.authority, options.clock));
  }

  /** What to show when dialling now. */
  current(): ClientCredentials {
    return this.#current;
  }

  /** Keeps the certificate fresh until the signal aborts. */
  run(signal: AbortSignal): void {
    const next = (): void => {
      if (signal.aborted) return;
      this.#cancel = this.#clock.after(CHECK_MS, () => void this.#check().then(next));
    };
    signal.addEventListener('abort', () => this.#cancel?.(), { once: true });
    next();
  }

  async #check(): Promise<void> {
    const left = this.#current.expiresAt - this.#clock.now();
    if (left > LIFE_DAYS * DAY_MS * (1 - RENEW_AFTER)) return;
    try {
      this.#current = await issue(this.#authority, this.#clock);
      this.#logger.info({ expiresAt: this.#current.expiresAt }, 'Client certificate renewed');
    } catch (error) {
      this.#logger.error({ err: error }, 'Client certificate not renewed');
    }
  }
}

export interface CredentialsOptions {
  authority: Authority;
  clock: Clock;
  logger: Pick<Logger, 'info' | 'error'>;
}

const issue = (authority: Authority, clock: Clock): Promise<ClientCredentials> =>
  issueClientCertificate(authority, {
    commonName: OPERATOR_COMMON_NAME,
    days: LIFE_DAYS,
    now: clock.now(),
  });
