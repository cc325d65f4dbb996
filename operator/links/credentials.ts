import type { Logger } from 'pino';
import { OPERATOR_COMMON_NAME } from '../../contract/link.ts';
import type { Clock } from '../kube/clock.ts';
import { describeError } from '../kube/errors.ts';
import { type Authority, type ClientCredentials, issueClientCertificate } from './authority.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const LIFE_MS = 30 * DAY_MS;
/** Renewed when this share of the life is over. */
const RENEW_AFTER = 2 / 3;
/** How often the wall clock is asked; a timer of 20 days would sleep through a suspension. */
const CHECK_MS = DAY_MS / 24;

export interface CredentialsOptions {
  /** The one that signs now. */
  authority: () => Authority;
  clock: Clock;
  logger: Pick<Logger, 'info' | 'error'>;
  /** How long a certificate is valid; 30 days by default. */
  lifeMs?: number;
  /** How often it is looked at; an hour by default. */
  checkMs?: number;
}

/**
 * The operator's client certificate. It lives in memory only and is renewed in time, and when another
 * authority signs; links that are open keep the one they were opened with.
 */
export class Credentials {
  readonly #options: CredentialsOptions;
  readonly #lifeMs: number;
  #current: ClientCredentials;
  #issuer: Authority;
  #cancel: (() => void) | undefined;

  private constructor(options: CredentialsOptions, issuer: Authority, first: ClientCredentials) {
    this.#options = options;
    this.#lifeMs = options.lifeMs ?? LIFE_MS;
    this.#issuer = issuer;
    this.#current = first;
  }

  /** Issues the first certificate. */
  static async issue(options: CredentialsOptions): Promise<Credentials> {
    const issuer = options.authority();
    return new Credentials(options, issuer, await issue(issuer, options));
  }

  /** What to show when dialling now. */
  current(): ClientCredentials {
    return this.#current;
  }

  /** Keeps the certificate fresh until the signal aborts. */
  run(signal: AbortSignal): void {
    const { clock, checkMs = CHECK_MS } = this.#options;
    const next = (): void => {
      if (signal.aborted) return;
      this.#cancel = clock.after(checkMs, () => void this.check().then(next));
    };
    signal.addEventListener('abort', () => this.#cancel?.(), { once: true });
    next();
  }

  /** Renews the certificate if it is time, or if another authority signs now. Never rejects. */
  async check(): Promise<void> {
    const { authority, clock, logger } = this.#options;
    const issuer = authority();
    const left = this.#current.expiresAt - clock.now();
    const same = issuer.certificate === this.#issuer.certificate;
    if (same && left > this.#lifeMs * (1 - RENEW_AFTER)) return;
    try {
      this.#current = await issue(issuer, this.#options);
      this.#issuer = issuer;
      logger.info({ expiresAt: this.#current.expiresAt }, 'Client certificate was renewed');
    } catch (error) {
      logger.error(describeError(error), 'Client certificate could not be renewed');
    }
  }
}

const issue = (
  authority: Authority,
  { clock, lifeMs = LIFE_MS }: CredentialsOptions,
): Promise<ClientCredentials> =>
  issueClientCertificate(authority, {
    commonName: OPERATOR_COMMON_NAME,
    lifeMs,
    now: clock.now(),
  });
